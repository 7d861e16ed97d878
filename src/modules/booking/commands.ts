import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import type { Customer } from '../orders/index.js';

/** Where a command comes from. */
export interface Origin {
  /** Who asks; the actor in histories. */
  actor: string;
  /** The customer whose orders alone it may be about (`sub`); null: anybody's. */
  owner: string | null;
  /** The key that the answer is remembered under; null when the request came without one. */
  request: IdempotentRequest | null;
  /** The id of the request; left out by what no request asked for. */
  requestId?: string;
  /** Aborted when the client has gone away. */
  gone?: AbortSignal;
}

export interface BookCommand extends Origin {
  kind: 'book';
  orderId: string;
  /** Each ticket type at most once, ids in lower case. */
  items: ReadonlyArray<{ ticketTypeId: string; quantity: number }>;
  customer: Customer;
  metadata: Record<string, string>;
  /** How long the tickets are held; null: the order is confirmed at once. */
  holdSeconds: number | null;
  /** The validated body, for the members that extensions added to it. */
  body: object | null;
}

export interface ConfirmCommand extends Origin {
  kind: 'confirm';
  orderId: string;
  paymentReference: string | null;
  /** Whether a hold that has expired is booked again if its tickets are still there. */
  reviveIfAvailable: boolean;
}

export interface ExtendCommand extends Origin {
  kind: 'extend';
  orderId: string;
  seconds: number;
}

export interface CancelOrderCommand extends Origin {
  kind: 'cancel-order';
  orderId: string;
  reason: string | null;
  /** What is given back; null: everything. */
  items: ReadonlyArray<{ ticketTypeId: string; quantity: number }> | null;
}

/** Takes the event off sale; its orders follow by {@link CancelOrdersOfEventCommand}. */
export interface CancelEventCommand extends Origin {
  kind: 'cancel-event';
}

/** Cancels the oldest live orders of a cancelled event, at most `limit`. */
export interface CancelOrdersOfEventCommand extends Origin {
  kind: 'cancel-orders-of-event';
  request: null;
  limit: number;
}

/** Stores the expiry of the event's holds that are longest past their end, at most `limit`. */
export interface ExpireHoldsCommand extends Origin {
  kind: 'expire-holds';
  request: null;
  limit: number;
}

/** What changes the inventory of one event. */
export type InventoryCommand =
  | BookCommand
  | ConfirmCommand
  | ExtendCommand
  | CancelOrderCommand
  | CancelEventCommand
  | CancelOrdersOfEventCommand
  | ExpireHoldsCommand;
