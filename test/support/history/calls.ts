import type { Reply } from '../client.js';

export type Items = ReadonlyArray<{ ticketTypeId: string; quantity: number }>;

export type Command =
  | { do: 'book'; items: Items; holdSeconds: number | null }
  /** `revive`: also when the hold has expired and its tickets are still there. */
  | { do: 'confirm'; orderId: string; revive: boolean }
  | { do: 'extend'; orderId: string; seconds: number }
  /** `items` null: all of it. */
  | { do: 'cancel'; orderId: string; items: Items | null }
  /** The order, as it is; without a key of its own. */
  | { do: 'read'; orderId: string };

export interface ShownOrder {
  id: string;
  sequence: number;
  status: string;
  version: number;
  total: number;
  items: Items;
  /** Milliseconds since 1970. */
  expiresAt: number | null;
}

export interface Refusal {
  code: string;
  orderStatus: string | null;
  /** Of a booking, or of a revival. */
  shortages: ReadonlyArray<{ ticketTypeId: string; requested: number; available: number }>;
}

export type Answer = { status: number; order: ShownOrder } | { status: number; refusal: Refusal };

/** One request with its key, however often it was sent: from its first byte to the answer that settled it. */
export interface Call {
  eventId: string;
  key: string;
  command: Command;
  /** Milliseconds of one monotonic clock for all calls. */
  invokedAt: number;
  /** When it was sent for the last time: that is the one that was answered. */
  attemptedAt: number;
  /** It was also sent without being answered, so it may still be done after another attempt was refused: only successes are remembered. */
  hasOpenAttempts: boolean;
  /** Null when its client gave up: whether it happened is not known. */
  completedAt: number | null;
  answer: Answer | null;
}

/** Keeps of an answer what can be checked, which is little enough to keep a million of them. */
export function answerOf({ status, body }: Reply): Answer {
  if (status >= 200 && status < 300) {
    const { id, sequence, version, total, items, expiresAt } = body;
    return {
      status,
      order: {
        id,
        sequence,
        status: body.status,
        version,
        total: total.amount,
        expiresAt: expiresAt === null ? null : Date.parse(expiresAt),
        items: items.map(({ ticketTypeId, quantity }: Items[number]) => ({ ticketTypeId, quantity })),
      },
    };
  }
  return {
    status,
    refusal: { code: body?.code ?? 'none', orderStatus: body?.orderStatus ?? null, shortages: body?.shortages ?? [] },
  };
}
