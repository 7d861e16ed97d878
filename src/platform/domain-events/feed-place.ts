import { decodeCursor, encodeCursor } from '../http/pagination.js';

/**
 * A place between two domain events. They are ordered by the transaction that wrote them, then by their place in it. Ids of
 * transactions are 64 bits, so both are kept as text.
 */
export interface FeedPlace {
  transactionId: string;
  position: string;
}

export const FEED_START: FeedPlace = { transactionId: '0', position: '0' };

const BIGINT_MAX = 2n ** 63n - 1n;
const isNumber = (value: unknown) => typeof value === 'string' && /^\d{1,19}$/.test(value) && BigInt(value) <= BIGINT_MAX;

/** @throws DomainError `malformed-request` */
export function feedPlaceOf(cursor: string): FeedPlace {
  const [transactionId, position] = decodeCursor(cursor, isNumber, isNumber) as [string, string];
  return { transactionId, position };
}

export function cursorOf({ transactionId, position }: FeedPlace): string {
  return encodeCursor([transactionId, position]);
}

export function isBefore(a: FeedPlace, b: FeedPlace): boolean {
  const [ofA, ofB] = [BigInt(a.transactionId), BigInt(b.transactionId)];
  return ofA < ofB || (ofA === ofB && BigInt(a.position) < BigInt(b.position));
}
