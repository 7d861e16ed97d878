import { MAX_PER_ORDER } from '../events/index.js';

/*
 * What the DTOs of orders and of the requests that change them have in common. Lengths are in characters; CHECK constraints
 * repeat the bounds.
 */
export const MAX_ORDER_ITEMS = 20;
export const QUANTITY_BOUNDS = { min: 1, max: MAX_PER_ORDER } as const;
export const CUSTOMER_NAME_BOUNDS = { min: 1, max: 200 } as const;
export const CANCEL_REASON_BOUNDS = { min: 1, max: 200 } as const;
export const PAYMENT_REFERENCE_BOUNDS = { min: 1, max: 200 } as const;
export const ACTOR_BOUNDS = { min: 1, max: 260 } as const;
