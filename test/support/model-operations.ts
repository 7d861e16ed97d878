import fc from 'fast-check';

export const TYPES = 3;
export const MAX_PER_ORDER = 6;
export const HOLD_MAX_SECONDS = 900;

/** Types and orders by number: of those that there are then, modulo. */
export type TypeItems = Array<[type: number, quantity: number]>;

/** A new key, none, or that of an earlier request: a wrong one, but for a rare chance. */
export type KeyChoice = 'new' | 'none' | { of: number };

export type Operation =
  | { do: 'book'; items: TypeItems; customer: number; holdSeconds: number | null; key: KeyChoice }
  | { do: 'confirm'; order: number; revive: boolean; key: KeyChoice }
  | { do: 'extend'; order: number; seconds: number; key: KeyChoice }
  | { do: 'cancel'; order: number; items: TypeItems | null; key: KeyChoice }
  | { do: 'cancel-event'; key: KeyChoice }
  /** An earlier request once more, with the key that it had. */
  | { do: 'repeat'; request: number }
  | { do: 'let-expire'; order: number }
  | { do: 'sweep' }
  | { do: 'set-capacity'; type: number; capacity: number };

const is = <T extends string>(name: T) => fc.constant(name);
const order = fc.nat(30);
const quantityUpTo = (largest: number) =>
  fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 3 }) },
    { weight: 1, arbitrary: fc.integer({ min: 4, max: largest }) },
  );
const itemsUpTo = (largest: number) =>
  fc.uniqueArray(fc.tuple(fc.nat(TYPES - 1), quantityUpTo(largest)), {
    minLength: 1,
    maxLength: TYPES,
    selector: ([type]) => type,
  });
const seconds = fc.constantFrom(100, 200, 300, 400, 500, 600, HOLD_MAX_SECONDS + 1);
const old = fc.record({ of: fc.nat(30) });
const key: fc.Arbitrary<KeyChoice> = fc.oneof(
  { weight: 5, arbitrary: is('new') },
  { weight: 3, arbitrary: is('none') },
  { weight: 1, arbitrary: old },
);
const requiredKey: fc.Arbitrary<KeyChoice> = fc.oneof({ weight: 8, arbitrary: is('new') }, { weight: 1, arbitrary: old });

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: is('book'),
      items: itemsUpTo(MAX_PER_ORDER + 1),
      customer: fc.nat(2),
      holdSeconds: fc.option(seconds, { freq: 4 }),
      key: requiredKey,
    }),
  },
  { weight: 12, arbitrary: fc.record({ do: is('confirm'), order, revive: fc.boolean(), key }) },
  { weight: 8, arbitrary: fc.record({ do: is('extend'), order, seconds, key }) },
  { weight: 10, arbitrary: fc.record({ do: is('cancel'), order, items: fc.option(itemsUpTo(4), { freq: 3 }), key }) },
  { weight: 8, arbitrary: fc.record({ do: is('repeat'), request: fc.nat(30) }) },
  { weight: 8, arbitrary: fc.record({ do: is('let-expire'), order }) },
  { weight: 2, arbitrary: fc.record({ do: is('sweep') }) },
  { weight: 4, arbitrary: fc.record({ do: is('set-capacity'), type: fc.nat(TYPES - 1), capacity: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: is('cancel-event'), key }) },
);
