import { booking, cancellation, ForgedHistory, items, trueHistory } from '../support/history/forged-history.js';

describe('the history checker', () => {
  it('has no complaint about a true history', () => {
    expect(trueHistory().violations()).toEqual([]);
  });

  it('allows an unanswered call to have happened once or not at all', () => {
    const history = trueHistory().cancelPartly('p', 'order-m', 1).unanswered('n', booking(2)).unanswered('o', booking(1));
    history.bookRow('order-n', 'n', 2);
    history.unanswered('q', { do: 'cancel', orderId: 'order-m', items: items(1) }).giveBackRow('order-m', 1);
    history.unanswered('r', { do: 'cancel', orderId: 'order-m', items: items(1) });
    expect(history.violations()).toEqual([]);
  });

  it('gives each line to the unanswered call that fits it', () => {
    const history = trueHistory().unanswered('n', cancellation('order-m', 1)).unanswered('o', cancellation('order-m', 2));
    history.unanswered('p', cancellation('order-m')).giveBackRow('order-m', 2);
    expect(history.violations()).toEqual([]);
  });

  it('allows calls that overlapped to have been done in either order', () => {
    const history = new ForgedHistory().book('a', 1).book('b', 1);
    history.call('a').completedAt = 10;
    history.call('b').invokedAt = 0;
    Object.assign(history.call('a'), { invokedAt: 5 });
    history.call('b').completedAt = 9;
    expect(history.violations()).toEqual([]);
  });

  it('allows a refusal that was true for a moment while the call ran', () => {
    const history = new ForgedHistory().book('a', 11).soldOut('b', 1).cancel('c', 'order-a');
    history.call('b').completedAt = 100;
    expect(history.violations()).toEqual([]);
  });

  it('allows what was refused to be done once all the same, by an earlier attempt that had no answer', () => {
    const history = trueHistory().soldOut('n', 3).cancelPartly('o', 'order-m', 1);
    history.call('n').hasOpenAttempts = true;
    history.bookRow('order-n', 'n', 3);
    expect(history.violations()).toEqual([]);
    history.cancel('p', 'order-a').bookRow('again', 'n', 3);
    expect(history.rules()).toEqual(['two-orders-of-one-key']);
  });

  it('takes repeats of a key for one call, done before the first success', () => {
    const history = new ForgedHistory().book('a', 1).book('b', 1);
    history.calls.push({ ...history.call('a'), invokedAt: 50, completedAt: 51 });
    expect(history.violations()).toEqual([]);
  });

  it.each<[string, string[], (history: ForgedHistory) => void]>([
    ['a lost update: two bookings, one of them not counted', ['counts-differ'], ({ seats }) => (seats.sold -= 4)],
    [
      'a lost update: two calls that each gave a ticket back, and one line',
      ['lost-update'],
      (history) => history.calls.push({ ...history.call('d'), key: 'd2', invokedAt: history.call('d').invokedAt }),
    ],
    [
      'a lost update: an answer that does not show what was done before',
      ['answer-differs'],
      (history) => (history.shown('g').items = items(2)),
    ],
    [
      'a double booking: one key with two orders',
      ['two-orders-of-one-key'],
      (history) => history.book('n', 1).bookRow('again', 'n', 1),
    ],
    ['a double booking: more tickets than there are', ['illegal-step'], (history) => history.book('n', 8)],
    [
      'a call without an answer that happened twice: a booking',
      ['two-orders-of-one-key'],
      (history) => {
        history.unanswered('n', booking(1)).bookRow('one', 'n', 1).bookRow('two', 'n', 1);
      },
    ],
    [
      'a call without an answer that happened twice: tickets given back',
      ['counts-differ', 'nobody-asked', 'order-differs'],
      (history) => {
        history
          .unanswered('n', { do: 'cancel', orderId: 'order-m', items: items(1) })
          .giveBackRow('order-m', 1)
          .giveBackRow('order-m', 1);
      },
    ],
    [
      'a stale refusal: sold out, but tickets had come back before the call',
      ['stale-refusal'],
      (history) => {
        Object.assign(history.call('f'), { invokedAt: 0.1, attemptedAt: 90, completedAt: 91 });
      },
    ],
    [
      'a stale refusal: sold out before it was',
      ['stale-refusal'],
      (history) => {
        Object.assign(history.call('f'), { invokedAt: 0.1, attemptedAt: 0.1, completedAt: 0.2 });
      },
    ],
    [
      'a refusal that names a shortage that never was',
      ['stale-refusal'],
      (history) => {
        history.refuse('n', booking(4), { code: 'sold-out', shortages: [{ ticketTypeId: 'seat', requested: 4, available: 3 }] });
      },
    ],
    [
      'a refusal for a state that the order was not in',
      ['stale-refusal'],
      (history) => {
        history.refuse(
          'n',
          { do: 'cancel', orderId: 'order-m', items: null },
          { code: 'order-not-cancellable', orderStatus: 'expired' },
        );
      },
    ],
    [
      'a refused booking that was made',
      ['refused-but-done'],
      (history) => {
        history.soldOut('n', 3).cancelPartly('o', 'order-m', 1).bookRow('order-n', 'n', 3);
      },
    ],
    [
      'a reordering: answered before the other call began, but numbered after it',
      ['real-time-order'],
      (history) => {
        const began = history.book('n', 1).call('m').invokedAt;
        Object.assign(history.call('n'), { invokedAt: began - 0.5, completedAt: began - 0.4 });
      },
    ],
    [
      'an acknowledged booking that is missing',
      ['acknowledged-but-missing'],
      (history) => {
        history.book('n', 1);
        history.event.orders.pop();
        history.event.lines.pop();
        history.event.sequence -= 1;
        history.seats.sold -= 1;
      },
    ],
    [
      'an acknowledged confirmation that is missing',
      ['acknowledged-but-missing'],
      (history) => {
        history.book('n', 1, 600).confirm('o', 'order-n');
        history.event.lines.pop();
        history.event.sequence -= 1;
        Object.assign(history.order('order-n'), { status: 'held', version: 1, expiresAt: history.shown('n').expiresAt });
        history.seats.sold -= 1;
        history.seats.held += 1;
      },
    ],
    [
      'a gap in the sequence',
      ['gap'],
      (history) => {
        history.event.sequence += 1;
        history.book('n', 1);
      },
    ],
    ['a last line that is missing', ['gap'], (history) => (history.event.sequence += 1)],
    ['an order that nobody asked for', ['nobody-asked'], (history) => history.bookRow('stray', null, 1)],
    [
      'a confirmation that nobody asked for',
      ['nobody-asked'],
      (history) => {
        history.calls.splice(history.calls.indexOf(history.call('g')), 2);
      },
    ],
    [
      'one key with two answers',
      ['answers-of-one-key-differ'],
      (history) => {
        const { call, answer } = { call: history.call('m'), answer: { status: 200, order: history.shown('m') } };
        history.calls.push({ ...call, invokedAt: 1e6, completedAt: 1e6 + 1, answer });
      },
    ],
    ['an order whose row is not what its steps come to', ['order-differs'], (history) => (history.order('order-m').total += 1)],
    ['an order whose row is gone', ['order-differs'], (history) => history.event.orders.splice(0, 1)],
    [
      'an answer that no call should get',
      ['unexpected-answer'],
      (history) => {
        history.refuse('n', booking(1), { code: 'internal-error' });
      },
    ],
  ])('catches %s', (_, rules, forge) => {
    const history = trueHistory();
    forge(history);
    expect(history.rules()).toEqual(rules);
  });
});
