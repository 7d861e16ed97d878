import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from './schema.js';

/** What a customer of the API would write with the client that is generated from the document. Compiled in strict mode. */

export type ApiClient = Client<paths>;
type Order = components['schemas']['Order'];
type Event = components['schemas']['Event'];

export const connect = (baseUrl: string, key: string): ApiClient =>
  createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

/** A published event with one ticket type. */
export async function openSale(client: ApiClient, capacity: number): Promise<{ event: Event; ticketTypeId: string }> {
  const created = await client.POST('/v1/events', {
    params: { header: { 'Idempotency-Key': 'open-sale' } },
    body: { name: 'Concert', startsAt: '2035-06-23T18:00:00Z', timeZone: 'Europe/Berlin', currency: 'EUR', venue: null },
  });
  if (!created.data) throw new Error(created.error.code);
  const path = { eventId: created.data.id };
  const ticketType = await client.POST('/v1/events/{eventId}/ticket-types', {
    params: { path },
    body: { name: 'Standard', price: { amount: 4500, currency: 'EUR' }, capacity },
  });
  if (!ticketType.data) throw new Error(ticketType.error.code);
  const published = await client.POST('/v1/events/{eventId}/publish', { params: { path } });
  if (!published.data) throw new Error(published.error.code);
  return { event: published.data, ticketTypeId: ticketType.data.id };
}

/** @returns the order, or in words why there is none */
export async function book(
  client: ApiClient,
  eventId: string,
  ticketTypeId: string,
  quantity: number,
  key: string,
): Promise<Order | string> {
  const { data, error } = await client.POST('/v1/events/{eventId}/bookings', {
    params: { path: { eventId }, header: { 'Idempotency-Key': key } },
    body: { items: [{ ticketTypeId, quantity }], customer: { email: 'ada@example.com' } },
  });
  if (data) return data;
  switch (error.code) {
    case 'sold-out':
      return error.shortages.map(({ requested, available }) => `${available} left of ${requested}`).join();
    case 'event-not-on-sale':
      return `not on sale: ${error.reason}`;
    case 'validation-failed':
      return error.errors.map(({ pointer }) => pointer).join();
    default:
      return error.code;
  }
}

/** All orders of an event, a page at a time. */
export async function ordersOf(client: ApiClient, eventId: string): Promise<Order[]> {
  const orders: Order[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await client.GET('/v1/orders', {
      params: { query: { eventId, limit: 2, status: 'confirmed', ...(cursor ? { cursor } : {}) } },
    });
    if (!data) throw new Error(error.detail);
    orders.push(...data.items);
    cursor = data.nextCursor ?? undefined;
  } while (cursor);
  return orders;
}
