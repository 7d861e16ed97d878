import { COUNTER_BOUNDS, defineProblem, DomainError, integerSchema } from '../../extension.js';

export const VOUCHER_NOT_FOUND = defineProblem({
  code: 'voucher-not-found',
  kind: 'not-found',
  title: 'There is no such voucher',
  example: { detail: 'The event has no voucher 019a0000-0000-7000-8000-0000000000ff.' },
});
export const VOUCHER_CODE_TAKEN = defineProblem({
  code: 'voucher-code-taken',
  kind: 'conflict',
  title: 'The event has a voucher with this code',
  example: { detail: 'The event has a voucher SPRING already.' },
});
export const VOUCHER_NOT_VALID = defineProblem({
  code: 'voucher-not-valid',
  kind: 'conflict',
  title: 'The voucher is not valid for this order',
  example: { detail: 'The voucher code is not valid for this order.' },
});
export const VOUCHER_EXHAUSTED = defineProblem({
  code: 'voucher-exhausted',
  kind: 'conflict',
  title: 'The voucher was used as often as it may be',
  example: { detail: 'The voucher was used as often as it may be.' },
});
export const VOUCHER_CUSTOMER_LIMIT = defineProblem({
  code: 'voucher-customer-limit',
  kind: 'conflict',
  title: 'The customer has used the voucher as often as they may',
  example: { detail: 'A customer may use the voucher 1 times.', limit: 1 },
  members: { limit: { ...integerSchema(1, 10_000), description: 'How often one customer may use it.' } },
});
export const VOUCHER_IN_USE = defineProblem({
  code: 'voucher-in-use',
  kind: 'conflict',
  title: 'Orders use the voucher',
  example: { detail: 'A voucher that orders use cannot be deleted; set its endsAt instead.' },
});
export const VOUCHER_MAX_BELOW_REDEMPTIONS = defineProblem({
  code: 'voucher-max-below-redemptions',
  kind: 'conflict',
  title: 'More orders use the voucher than that',
  example: { detail: '40 orders use the voucher, so maxRedemptions cannot be 30.', redemptions: 40 },
  members: { redemptions: { ...integerSchema(1, COUNTER_BOUNDS.max), description: 'How many orders use it.' } },
});

export const voucherNotFound = (id: string) => new DomainError(VOUCHER_NOT_FOUND, `The event has no voucher ${id}.`);
