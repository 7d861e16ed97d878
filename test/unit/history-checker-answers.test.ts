import {
  booking,
  cancellation,
  confirmation,
  items,
  trueHistory,
  type ForgedHistory,
} from '../support/history/forged-history.js';

describe('the history checker, of what a command may be answered with,', () => {
  it('allows successes that change nothing: to confirm what is confirmed, to cancel what is cancelled', () => {
    const history = trueHistory().cancelPartly('n', 'order-b', 1).confirmAgain('o', 'order-b').confirmAgain('p', 'order-a');
    history.showing('q', cancellation('order-e'), 'order-e');
    expect(history.violations()).toEqual([]);
  });

  it('allows a read of each state, and of one that was passed while it ran', () => {
    const history = trueHistory().read('n', 'order-k').read('o', 'order-e').read('p', 'order-m');
    history.cancelPartly('q', 'order-m', 1).read('r', 'order-m');
    history.call('p').completedAt = history.call('r').completedAt! + 1;
    expect(history.violations()).toEqual([]);
  });

  it('allows each refusal that is true', () => {
    const history = trueHistory().cancelPartly('n', 'order-b', 1);
    history.refuse('o', confirmation('order-e'), { code: 'order-not-held', orderStatus: 'cancelled' });
    history.refuse('p', confirmation('order-k'), { code: 'hold-expired' });
    history.refuse('q', cancellation('order-e', 1), { code: 'order-not-cancellable', orderStatus: 'cancelled' });
    expect(history.violations()).toEqual([]);
  });

  it.each<[string, string[], (history: ForgedHistory) => void]>([
    [
      'a part that was given back as if it were all',
      ['illegal-step'],
      (history) => {
        history.cancel('n', 'order-m').call('n').command = cancellation('order-m', 1);
      },
    ],
    [
      'a cancellation that was answered, and not done',
      ['wrong-outcome'],
      (history) => history.showing('n', cancellation('order-m'), 'order-m'),
    ],
    [
      'tickets given back, by the answer, and nothing was',
      ['acknowledged-but-missing'],
      (history) => history.showing('n', cancellation('order-m', 1), 'order-m'),
    ],
    [
      'a confirmation whose answer shows a hold',
      ['wrong-outcome'],
      (history) => history.book('n', 1, 600).showing('o', confirmation('order-n'), 'order-n'),
    ],
    [
      'a confirmation of a cancelled order',
      ['wrong-outcome'],
      (history) => history.showing('n', confirmation('order-e'), 'order-e'),
    ],
    [
      'an extension without a line',
      ['acknowledged-but-missing'],
      (history) => history.book('n', 1, 600).showing('o', { do: 'extend', orderId: 'order-n', seconds: 60 }, 'order-n'),
    ],
    [
      'an extension of a confirmed order',
      ['wrong-outcome'],
      (history) => history.showing('n', { do: 'extend', orderId: 'order-m', seconds: 60 }, 'order-m'),
    ],
    [
      'one order acknowledged for two bookings',
      ['order-of-another'],
      (history) => history.showing('n', booking(3), 'order-m', 201),
    ],
    [
      'two equal bookings, each answered with the order of the other',
      ['order-of-another'],
      (history) => {
        history.book('n', 1).book('o', 1);
        const [n, o] = [history.call('n').answer, history.call('o').answer];
        Object.assign(history.call('n'), { answer: o, completedAt: history.call('o').completedAt });
        history.call('o').answer = n;
      },
    ],
    [
      'a confirmation that was answered with another order',
      ['order-of-another'],
      (history) => history.showing('n', confirmation('order-a'), 'order-m'),
    ],
    [
      'a hold that was sold at once',
      ['nobody-asked', 'wrong-outcome'],
      (history) => {
        history.book('n', 1);
        history.call('n').command = { do: 'book', items: items(1), holdSeconds: 600 };
      },
    ],
    [
      'a purchase that was only held, by a call without an answer',
      ['nobody-asked'],
      (history) => history.unanswered('n', booking(1)).bookRow('order-n', 'n', 1, 600),
    ],
    [
      'a refusal that contradicts itself: not cancellable, as it is confirmed',
      ['unexpected-answer'],
      (history) => history.refuse('n', cancellation('order-m'), { code: 'order-not-cancellable', orderStatus: 'confirmed' }),
    ],
    [
      'a refusal that contradicts itself: not held, as it is held',
      ['unexpected-answer'],
      (history) => {
        history.book('n', 1, 600);
        history.refuse('o', confirmation('order-n'), { code: 'order-not-held', orderStatus: 'held' });
      },
    ],
    [
      'a refusal of another command',
      ['unexpected-answer'],
      (history) => history.refuse('n', confirmation('order-e'), { code: 'order-not-cancellable', orderStatus: 'cancelled' }),
    ],
    [
      'a true refusal with a status that is not its own',
      ['unexpected-answer'],
      (history) =>
        history.refuse(
          'n',
          booking(6),
          { code: 'sold-out', shortages: [{ ticketTypeId: 'seat', requested: 6, available: 2 }] },
          500,
        ),
    ],
    ['a refusal under a key that has had a success', ['answers-of-one-key-differ'], (history) => history.soldOut('m', 3)],
    [
      'a read that does not show what was done before',
      ['real-time-order'],
      (history) => {
        const before = history.read('n', 'order-m').shown('n');
        Object.assign(history.cancelPartly('o', 'order-m', 1).read('p', 'order-m').call('p').answer!, { order: before });
      },
    ],
    [
      'a read that shows what never was',
      ['answer-differs'],
      (history) => {
        history.read('n', 'order-m').shown('n').items = items(2);
      },
    ],
    [
      'a success with a status that is not its own',
      ['unexpected-answer'],
      (history) => {
        history.call('m').answer!.status = 299;
      },
    ],
  ])('catches %s', (_, rules, forge) => {
    const history = trueHistory();
    forge(history);
    expect(history.rules()).toEqual(rules);
  });
});
