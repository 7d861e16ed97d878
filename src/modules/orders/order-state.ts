import type { Counter } from '../events/index.js';

export const ORDER_STATUSES = ['held', 'confirmed', 'cancelled', 'expired'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** What can happen to an order. */
export const ORDER_STEPS = ['hold', 'book', 'confirm', 'extend', 'cancel', 'cancel-partly', 'expire', 'revive'] as const;
export type OrderStep = (typeof ORDER_STEPS)[number];

/**
 * The life of an order: state, step, next state. What is not here is refused. The CHECK constraint
 * `order_history_known_transition` repeats it, and docs/order-states.md draws it.
 */
export const ORDER_TRANSITIONS: Record<OrderStatus | 'none', Partial<Record<OrderStep, OrderStatus>>> = {
  none: { hold: 'held', book: 'confirmed' },
  held: { confirm: 'confirmed', extend: 'held', 'cancel-partly': 'held', cancel: 'cancelled', expire: 'expired' },
  confirmed: { 'cancel-partly': 'confirmed', cancel: 'cancelled' },
  cancelled: {},
  expired: { revive: 'confirmed' },
};

/** Where the tickets of an order are counted; null: they are available to others. */
export const COUNTED_AS: Record<OrderStatus, Counter | null> = {
  held: 'held',
  confirmed: 'sold',
  cancelled: null,
  expired: null,
};

/** The states whose tickets are taken. */
export const LIVE_STATUSES = ORDER_STATUSES.filter((status) => COUNTED_AS[status] !== null);

/** The state that `step` leads to; null when the state does not allow it. */
export function nextStatus(from: OrderStatus | 'none', step: OrderStep): OrderStatus | null {
  return ORDER_TRANSITIONS[from][step] ?? null;
}
