import fc from 'fast-check';
import { MAX_AMOUNT, totalOf } from '../../src/platform/http/money.js';

const line = fc.record({ quantity: fc.integer({ min: 1, max: 100 }), unitPrice: fc.integer({ min: 0, max: MAX_AMOUNT }) });
const lines = fc.array(line, { maxLength: 20 });

describe('the total of an order', () => {
  it('is exact, or refused when it is over the largest amount', () => {
    fc.assert(
      fc.property(lines, (items) => {
        const exact = items.reduce((sum, { quantity, unitPrice }) => sum + BigInt(quantity) * BigInt(unitPrice), 0n);
        const total = totalOf(items);
        if (exact > BigInt(MAX_AMOUNT)) expect(total).toBeNull();
        else expect(BigInt(total!)).toBe(exact);
      }),
      { numRuns: 1000 },
    );
  });

  it('does not depend on the order of the lines, nor on how they are split', () => {
    fc.assert(
      fc.property(lines, (items) => {
        expect(totalOf(items.toReversed())).toBe(totalOf(items));
        const split = items.flatMap(({ quantity, unitPrice }) =>
          Array.from({ length: quantity }, () => ({ quantity: 1, unitPrice })),
        );
        expect(totalOf(split)).toBe(totalOf(items));
      }),
    );
  });

  it.each([
    [[], 0],
    [[{ quantity: 1, unitPrice: MAX_AMOUNT }], MAX_AMOUNT],
    [
      [
        { quantity: 1, unitPrice: MAX_AMOUNT },
        { quantity: 1, unitPrice: 1 },
      ],
      null,
    ],
    [[{ quantity: 100, unitPrice: MAX_AMOUNT }], null],
    [[{ quantity: 3, unitPrice: 4500 }], 13500],
  ])('of %j is %p', (items, total) => {
    expect(totalOf(items)).toBe(total);
  });
});
