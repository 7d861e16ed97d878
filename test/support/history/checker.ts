import type { Call, ShownOrder } from './calls.js';
import { Causes } from './causes.js';
import { type Placed, RealTime } from './positions.js';
import { permittedOf, REFUSED } from './permitted.js';
import { complaintAbout, isExpired, statusIn } from './refusals.js';
import { type Request, requestsOf, successOf } from './requests.js';
import { endOf, endsAsShown, type OrderState, textOf } from './sequential-model.js';
import type { StoredEvent } from './stored.js';
import { type TimedState, Timeline } from './timeline.js';
import type { Rule, Violation } from './violation.js';

/**
 * Whether calls and rows of one event agree with one customer being served after the other, in the order of the sequence and
 * of the clock; each way of not agreeing is a {@link Rule}. Knows nothing of the app but its answers and its tables.
 * All rows of the event must come from these calls, and nothing may run any more.
 */
export function checkHistory(event: StoredEvent, calls: readonly Call[]): Violation[] {
  return new Check(
    event,
    calls.filter(({ eventId }) => eventId === event.id),
  ).run();
}

class Check {
  private readonly violations: Violation[] = [];
  private readonly requests: readonly Request[];
  private readonly causes: Causes;
  private readonly timeline: Timeline;
  /** The key of each order. */
  private readonly keys: ReadonlyMap<string, string | null>;

  constructor(
    private readonly event: StoredEvent,
    private readonly calls: readonly Call[],
  ) {
    this.keys = new Map(event.orders.map(({ id, key }) => [id, key]));
    this.requests = requestsOf(calls);
    this.causes = new Causes(event, this.requests);
    this.timeline = new Timeline(event, (orderId, version) => this.causes.commandOf(orderId, version));
    this.violations.push(...this.timeline.violations, ...this.causes.violations);
  }

  run(): Violation[] {
    this.checkRows();
    const placed = this.requests.flatMap((request) => this.place(request));
    for (const { request, sequence } of this.causes.unacknowledged()) {
      const { key, invokedAt } = request;
      placed.push({ key, invokedAt, completedAt: Infinity, position: { from: sequence, to: sequence, isLine: true } });
    }
    const realTime = new RealTime(placed);
    for (const { key, invokedAt, position } of placed) {
      const { sequence, key: earlier } = realTime.reachedBefore(invokedAt);
      if (sequence <= position.to) continue;
      this.complain(
        'real-time-order',
        key,
        `done at ${position.to} at the latest, but ${earlier} had its answer of ${sequence} before`,
      );
    }
    for (const call of this.calls) this.checkRefusal(call, realTime);
    return this.violations;
  }

  private complain(rule: Rule, subject: string, detail: string): void {
    this.violations.push({ rule, subject, detail });
  }

  /** The rows are what the steps come to. */
  private checkRows(): void {
    for (const { id, held, sold } of this.event.ticketTypes) {
      const model = this.timeline.model.counts.get(id)!;
      if (held === model.held && sold === model.sold) continue;
      this.complain('counts-differ', id, `held ${held}, sold ${sold}; by the steps ${model.held} and ${model.sold}`);
    }
    for (const order of this.event.orders) {
      const model = this.timeline.model.orders.get(order.id);
      const difference = model ? differenceOf(order, this.shownAs(model, endOf(model))) : 'it has no history';
      if (difference !== null) this.complain('order-differs', order.id, difference);
    }
    for (const id of this.timeline.model.orders.keys())
      if (!this.keys.has(id)) this.complain('order-differs', id, 'it has a history, but no row');
  }

  /** Compares a success with the model and finds where it was done. */
  private place(request: Request): Placed[] {
    const { key, command, invokedAt, completedAt } = request;
    const shown = successOf(request);
    if (!shown || completedAt === null) return [];
    for (const other of request.otherAnswers)
      this.complain('answers-of-one-key-differ', key, JSON.stringify([request.answer, other]));
    if (this.isOfAnother(request, shown) || this.isWrong(request, shown)) return [];
    if (command.do === 'read' && shown.status === 'expired') return this.placeExpired(key, shown, invokedAt, completedAt);
    const states = this.timeline.statesOf(shown.id);
    const state = states[shown.version - 1];
    if (!state || !this.causes.claims(request, shown)) {
      this.complain('acknowledged-but-missing', key, `order ${shown.id} in version ${shown.version}`);
      return [];
    }
    this.compare(key, shown, state);
    if (command.do === 'read' && state.status === 'held' && invokedAt > this.latestEndOf(state, shown.expiresAt!))
      this.complain('answer-differs', key, 'held, though the hold had ended before it was read');
    const isLine = this.causes.isCertainlyCausedBy(request, shown.id, shown.version);
    const to = isLine ? state.sequence : (states[shown.version]?.sequence ?? Infinity) - 1;
    return [{ key, invokedAt, completedAt, position: { from: state.sequence, to, isLine } }];
  }

  /** An order that was read as expired: before its expiry is written it is shown as it will be. */
  private placeExpired(key: string, shown: ShownOrder, invokedAt: number, completedAt: number): Placed[] {
    const states = this.timeline.statesOf(shown.id);
    const held = states[shown.version - 2];
    if (!held || !isExpired(held, states)) {
      this.complain('answer-differs', key, `order ${shown.id} expired in version ${shown.version}`);
      return [];
    }
    if (completedAt < this.earliestEndOf(held)) this.complain('answer-differs', key, 'expired, though the hold had not ended');
    const expired = { ...held, status: 'expired', version: shown.version, expiresAt: endOf(held), endedAt: null };
    this.compare(key, shown, expired);
    const to = (states[shown.version]?.sequence ?? Infinity) - 1;
    return [{ key, invokedAt, completedAt, position: { from: held.sequence, to, isLine: false } }];
  }

  private compare(key: string, shown: ShownOrder, state: OrderState): void {
    const expiresAt = endsAsShown(state, shown) ? shown.expiresAt : state.expiresAt;
    const difference = differenceOf(shown, this.shownAs(state, expiresAt));
    if (difference !== null) this.complain('answer-differs', key, difference);
  }

  private shownAs(state: OrderState, expiresAt: number | null): Omit<ShownOrder, 'id'> {
    return { ...state, sequence: state.booked, total: this.timeline.model.total(state), expiresAt };
  }

  private isOfAnother({ key, command }: Request, { id }: ShownOrder): boolean {
    const own = command.do === 'book' ? (this.keys.get(id) ?? key) === key : command.orderId === id;
    if (!own) this.complain('order-of-another', key, `${JSON.stringify(command)} was answered with order ${id}`);
    return !own;
  }

  private isWrong({ key, command, answer }: Request, { status }: ShownOrder): boolean {
    const permitted = permittedOf(command);
    if (answer!.status !== permitted.status) this.complain('unexpected-answer', key, `a success with ${answer!.status}`);
    const isWrong = !permitted.shows.includes(status);
    if (isWrong) this.complain('wrong-outcome', key, `${JSON.stringify(command)} was answered with an order that is ${status}`);
    return isWrong;
  }

  /** The moment on the clock of the calls before which the hold had certainly not ended. */
  private earliestEndOf(state: TimedState): number {
    const { at } = this.timeline.statesOf(state.orderId)[state.timedBy - 1]!;
    const lengthMs = endOf(state)! - at;
    return this.causes.earliestMoment(state.orderId, state.timedBy) + lengthMs - toleranceMs(lengthMs);
  }

  /** The moment after which a hold with this end had certainly ended. */
  private latestEndOf(state: TimedState, expiresAt: number): number {
    const lengthMs = expiresAt - this.timeline.statesOf(state.orderId)[state.timedBy - 1]!.at;
    return this.causes.latestMoment(state.orderId, state.timedBy) + lengthMs + toleranceMs(lengthMs);
  }

  private checkRefusal({ key, command, answer, attemptedAt, completedAt }: Call, realTime: RealTime): void {
    if (!answer || 'order' in answer || completedAt === null) return;
    const { refusal, status } = answer;
    const states = permittedOf(command).refusals[refusal.code];
    if (status !== REFUSED || !states || (states.length > 0 && !states.includes(statusIn(refusal)))) {
      this.complain('unexpected-answer', key, `${status} ${JSON.stringify(refusal)} to ${JSON.stringify(command)}`);
      return;
    }
    const complaint = complaintAbout(refusal, command, this.timeline, {
      from: realTime.reachedBefore(attemptedAt).sequence,
      to: realTime.seenUpTo(completedAt, this.timeline.last),
      canHaveEnded: (state) => completedAt >= this.earliestEndOf(state),
    });
    if (complaint !== null) this.complain('stale-refusal', key, complaint);
  }
}

/** Rows have whole milliseconds, and two clocks do not run alike. */
const toleranceMs = (lengthMs: number) => 1 + lengthMs / 1000;

function differenceOf(found: Omit<ShownOrder, 'id'>, model: Omit<ShownOrder, 'id'>): string | null {
  const text = ({ sequence, status, version, total, items, expiresAt }: Omit<ShownOrder, 'id'>) =>
    `${status} in version ${version}, booked at ${sequence}, ${textOf(items)} for ${total}, until ${expiresAt}`;
  return text(found) === text(model) ? null : `${text(found)}; by the model ${text(model)}`;
}
