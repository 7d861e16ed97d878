export type Rule =
  /** The sequence of the event has a hole, or a number twice. */
  | 'gap'
  /** A step that the model does not allow, or that takes more tickets than there are. */
  | 'illegal-step'
  | 'two-orders-of-one-key'
  /** An answer said that it was done, and it is not there. */
  | 'acknowledged-but-missing'
  /** A request was answered with an order that is not the one it was about. */
  | 'order-of-another'
  /** A success shows what its command does not lead to. */
  | 'wrong-outcome'
  | 'refused-but-done'
  /** Something happened that no request can have caused; also an unanswered one that happened twice. */
  | 'nobody-asked'
  /** Two requests were answered with one and the same change. */
  | 'lost-update'
  /** The answer is not the state of the order at its sequence. */
  | 'answer-differs'
  /** Repeats of one key were answered in different ways. */
  | 'answers-of-one-key-differ'
  /** One call ended before another began, but was done after it. */
  | 'real-time-order'
  /** What a refusal says was at no moment true between the call and its answer. */
  | 'stale-refusal'
  | 'unexpected-answer'
  /** The counts of a ticket type are not what the steps come to. */
  | 'counts-differ'
  /** The stored order is not what its steps come to. */
  | 'order-differs';

export interface Violation {
  rule: Rule;
  subject: string;
  detail: string;
}
