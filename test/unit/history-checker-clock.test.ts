import { booking, cancellation, confirmation, ForgedHistory } from '../support/history/forged-history.js';

/** Holds that end at their end, later, and sooner. */
function trueHistory(): ForgedHistory {
  return new ForgedHistory()
    .book('a', 1, 60)
    .expire('order-a')
    .book('b', 1, 60)
    .extend('c', 'order-b', 600)
    .book('d', 1, 600)
    .end('order-d')
    .refuse('e', confirmation('order-d'), { code: 'hold-expired' })
    .expire('order-d')
    .refuse('f', confirmation('order-d'), { code: 'hold-expired' })
    .book('g', 1, 60)
    .confirm('h', 'order-g')
    .expire('order-b')
    .book('i', 1, 60);
}

describe('the history checker, of time,', () => {
  it('has no complaint about a true history', () => {
    expect(trueHistory().violations()).toEqual([]);
  });

  it('allows a hold past its end to be called expired before that is written', () => {
    const history = trueHistory().wait(60_000).refuse('n', confirmation('order-i'), { code: 'hold-expired' });
    history.refuse('o', cancellation('order-i'), { code: 'order-not-cancellable', orderStatus: 'expired' }).expireRow('order-i');
    expect(history.violations()).toEqual([]);
  });

  it('allows a hold past its end to be read as expired, before that is written, after it, and if it never is', () => {
    const history = trueHistory().read('n', 'order-i').wait(60_000).readExpired('o', 'order-i');
    expect(history.violations()).toEqual([]);
    expect(history.expireRow('order-i').read('p', 'order-i').violations()).toEqual([]);
    expect(history.revive('q', 'order-i').read('r', 'order-i').violations()).toEqual([]);
  });

  it('allows a revival, of a hold whose expiry is written and of one whose expiry is not', () => {
    const history = trueHistory().revive('n', 'order-a').wait(60_000).revive('o', 'order-i').confirmAgain('p', 'order-i');
    expect(history.violations()).toEqual([]);
  });

  it('allows a revival to be refused for want of tickets', () => {
    const history = trueHistory().book('n', 9).reviveInVain('o', 'order-a');
    expect(history.violations()).toEqual([]);
  });

  it('finds which of two unanswered calls has extended a hold', () => {
    const history = trueHistory().book('n', 1, 60).extend('o', 'order-n', 90).extend('p', 'order-n', 120);
    for (const key of ['o', 'p']) Object.assign(history.call(key), { answer: null, completedAt: null });
    history.calls.reverse();
    expect(history.violations()).toEqual([]);
  });

  it.each<[string, string[], (history: ForgedHistory) => void]>([
    ['a hold that expires before its end', ['illegal-step'], (history) => history.expireRow('order-i')],
    [
      'a hold that expires at its first end, and was extended',
      ['illegal-step'],
      (history) => {
        history.extend('n', 'order-i', 600).wait(60_000).expireRow('order-i');
      },
    ],
    ['a hold that is confirmed after its end', ['illegal-step'], (history) => history.wait(60_000).confirm('n', 'order-i')],
    [
      'a hold that is extended after it was ended',
      ['illegal-step'],
      (history) => history.end('order-i').extend('n', 'order-i', 60),
    ],
    [
      'a refusal of a hold that has not ended',
      ['stale-refusal'],
      (history) => {
        history.refuse('n', confirmation('order-i'), { code: 'hold-expired' });
      },
    ],
    [
      'a refusal of an extended hold, at its first end',
      ['stale-refusal'],
      (history) => {
        history.extend('n', 'order-i', 600).wait(60_000).refuse('o', confirmation('order-i'), { code: 'hold-expired' });
      },
    ],
    [
      'a hold whose end is not the one that was asked for',
      ['order-differs'],
      (history) => {
        history.order('order-i').expiresAt! += 1_000;
      },
    ],
    [
      'a hold that is shown with another end',
      ['answer-differs'],
      (history) => {
        history.shown('i').expiresAt! += 1_000;
      },
    ],
    [
      'an extension that extended nothing',
      ['answer-differs', 'order-differs'],
      (history) => {
        const { expiresAt } = history.order('order-i');
        history.extend('n', 'order-i', 600).shown('n').expiresAt = expiresAt;
        history.order('order-i').expiresAt = expiresAt;
      },
    ],
    ['a hold that is read as expired before its end', ['answer-differs'], (history) => history.readExpired('n', 'order-i')],
    ['a hold that is read as held after its end', ['answer-differs'], (history) => history.wait(61_000).read('n', 'order-i')],
    [
      'a revival that was not asked for',
      ['nobody-asked'],
      (history) => {
        history.revive('n', 'order-a').call('n').command = confirmation('order-a');
      },
    ],
    [
      'a revival that was refused, and the tickets were there',
      ['stale-refusal'],
      (history) => history.reviveInVain('n', 'order-a'),
    ],
    [
      'a call without an answer that was done before it began',
      ['real-time-order'],
      (history) => {
        history.bookRow('order-n', 'n', 1).book('o', 1).unanswered('n', booking(1));
      },
    ],
    [
      'a change without an answer that was done before it began',
      ['real-time-order'],
      (history) => {
        history.book('n', 2).giveBackRow('order-n', 1).book('o', 1).unanswered('p', cancellation('order-n', 1));
      },
    ],
  ])('catches %s', (_, rules, forge) => {
    const history = trueHistory();
    forge(history);
    expect(history.rules()).toEqual(rules);
  });
});
