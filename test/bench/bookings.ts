import { createHash } from 'node:crypto';
import type { OrderDto } from '../../src/modules/orders/index.js';

/** What a load books: one of each ticket type of one of these events, chosen at random for each booking. */
export interface Target {
  eventId: string;
  ticketTypeIds: string[];
}

export const TICKET_TYPE_NAME = 'Standard';
export const PRICE_AMOUNT = 4_500;
export const CURRENCY = 'EUR';

export function bookingPath(target: Target): string {
  return `/v1/events/${target.eventId}/bookings`;
}

export function bookingBody(target: Target, buyer: number, holdSeconds?: number): string {
  return JSON.stringify({
    items: target.ticketTypeIds.map((ticketTypeId) => ({ ticketTypeId, quantity: 1 })),
    customer: { email: emailOf(buyer), name: 'Ada Lovelace' },
    ...(holdSeconds === undefined ? {} : { hold: { seconds: holdSeconds } }),
    metadata: { channel: 'web' },
  });
}

export function emailOf(buyer: number): string {
  return `buyer-${buyer}@example.com`;
}

export function fingerprintOf(target: Target, body: string): string {
  return createHash('sha256')
    .update(`POST ${bookingPath(target)} ${body}`)
    .digest('hex');
}

/** The order of {@link bookingBody} as the API answers it, so that what the floors store is as large as the real thing. */
export function confirmedOrder(target: Target, order: { id: string; sequence: number; email: string; now: Date }): OrderDto {
  const at = order.now.toISOString();
  const price = { amount: PRICE_AMOUNT, currency: CURRENCY };
  return {
    id: order.id,
    eventId: target.eventId,
    sequence: order.sequence,
    status: 'confirmed',
    items: target.ticketTypeIds.map((ticketTypeId) => ({
      ticketTypeId,
      name: TICKET_TYPE_NAME,
      quantity: 1,
      unitPrice: price,
      subtotal: price,
    })),
    subtotal: { amount: PRICE_AMOUNT * target.ticketTypeIds.length, currency: CURRENCY },
    adjustments: [],
    total: { amount: PRICE_AMOUNT * target.ticketTypeIds.length, currency: CURRENCY },
    customer: { email: order.email, name: 'Ada Lovelace' },
    metadata: { channel: 'web' },
    expiresAt: null,
    confirmedAt: at,
    paymentReference: null,
    cancelledAt: null,
    cancelReason: null,
    version: 1,
    createdAt: at,
    updatedAt: at,
  };
}
