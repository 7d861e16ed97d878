import fc from 'fast-check';
import {
  COUNTED_AS,
  LIVE_STATUSES,
  ORDER_STATUSES,
  ORDER_TRANSITIONS,
  nextStatus,
  type OrderStep,
} from '../../src/modules/orders/order-state.js';

const steps: OrderStep[] = ['hold', 'book', 'confirm', 'extend', 'cancel', 'cancel-partly', 'expire', 'revive'];
const anySteps = fc.array(fc.constantFrom(...steps), { maxLength: 30 });

/** The states that a series of steps leads through; a step that is refused changes nothing. */
function walk(series: OrderStep[]): Array<keyof typeof ORDER_TRANSITIONS> {
  const states: Array<keyof typeof ORDER_TRANSITIONS> = ['none'];
  for (const step of series) states.push(nextStatus(states.at(-1)!, step) ?? states.at(-1)!);
  return states;
}

describe('the state table of orders', () => {
  it('leads from a known state to a known state only', () => {
    for (const [from, edges] of Object.entries(ORDER_TRANSITIONS)) {
      expect(['none', ...ORDER_STATUSES]).toContain(from);
      for (const to of Object.values(edges)) expect(ORDER_STATUSES).toContain(to);
    }
  });

  it('never leaves cancelled, and never comes back to none', () => {
    fc.assert(
      fc.property(anySteps, (series) => {
        const states = walk(series);
        const cancelledAt = states.indexOf('cancelled');
        if (cancelledAt >= 0) expect(new Set(states.slice(cancelledAt))).toEqual(new Set(['cancelled']));
        const bookedAt = states.findIndex((state) => state !== 'none');
        if (bookedAt >= 0) expect(states.slice(bookedAt)).not.toContain('none');
      }),
    );
  });

  it('counts the tickets of an order in one place at a time, and takes them again only by a revival', () => {
    fc.assert(
      fc.property(anySteps, (series) => {
        const states = walk(series);
        states.forEach((state, index) => {
          const before = states[index - 1];
          const taken = state !== 'none' && COUNTED_AS[state] !== null;
          const wasFreed = before !== undefined && before !== 'none' && COUNTED_AS[before] === null;
          if (taken && wasFreed) expect([before, state, series[index - 1]]).toEqual(['expired', 'confirmed', 'revive']);
        });
      }),
    );
  });

  it('can reach every state, and end every order that holds tickets', () => {
    for (const status of ORDER_STATUSES) {
      expect(Object.values(ORDER_TRANSITIONS).flatMap((edges) => Object.values(edges))).toContain(status);
    }
    for (const status of LIVE_STATUSES) expect(nextStatus(status, 'cancel')).toBe('cancelled');
  });
});
