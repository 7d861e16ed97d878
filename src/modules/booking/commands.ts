import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';

interface Command {
  /** Who asks; the actor in histories. */
  actor: string;
  /** The key that the answer is remembered under; null when the request came without one. */
  request: IdempotentRequest | null;
}

export interface BookCommand extends Command {
  kind: 'book';
  orderId: string;
  /** Each ticket type at most once, ids in lower case. */
  items: ReadonlyArray<{ ticketTypeId: string; quantity: number }>;
  customer: { email: string; name: string | null };
  metadata: Record<string, string>;
}

export interface CancelOrderCommand extends Command {
  kind: 'cancel-order';
  orderId: string;
  reason: string | null;
}

/** Takes the event off sale; its orders follow by {@link CancelOrdersOfEventCommand}. */
export interface CancelEventCommand extends Command {
  kind: 'cancel-event';
}

/** Cancels the oldest live orders of a cancelled event, at most `limit`. */
export interface CancelOrdersOfEventCommand extends Command {
  kind: 'cancel-orders-of-event';
  request: null;
  limit: number;
}

/** What changes the inventory of one event. */
export type InventoryCommand = BookCommand | CancelOrderCommand | CancelEventCommand | CancelOrdersOfEventCommand;
