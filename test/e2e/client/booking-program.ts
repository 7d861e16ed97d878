import { type Client, createClient } from './generated/client/index.js';
import { book as bookTickets, cancelEvent, createEvent, createTicketType, listOrders, publishEvent } from './generated/index.js';
import type { Event, Order } from './generated/index.js';

/** What a customer of the API would write with the client that is generated from the document. Compiled in strict mode. */

export const connect = (baseUrl: string, key: string): Client => createClient({ baseUrl, auth: key });

/** A published event with one ticket type. */
export async function openSale(client: Client, capacity: number): Promise<{ event: Event; ticketTypeId: string }> {
  const created = await createEvent({
    client,
    headers: { 'Idempotency-Key': 'open-sale' },
    body: { name: 'Concert', startsAt: '2035-06-23T18:00:00Z', timeZone: 'Europe/Berlin', currency: 'EUR', venue: null },
  });
  if (!created.data) throw new Error(created.error.code);
  const path = { eventId: created.data.id };
  const ticketType = await createTicketType({
    client,
    path,
    body: { name: 'Standard', price: { amount: 4500, currency: 'EUR' }, capacity },
  });
  if (!ticketType.data) throw new Error(ticketType.error.code);
  const published = await publishEvent({ client, path });
  if (!published.data) throw new Error(published.error.code);
  return { event: published.data, ticketTypeId: ticketType.data.id };
}

export async function cancelSale(client: Client, eventId: string): Promise<Event> {
  const { data, error } = await cancelEvent({ client, path: { eventId } });
  if (!data) throw new Error(error.code);
  return data;
}

/**
 * @returns the order, or in words why there is none
 * @throws what `fetch` threw, when no answer came: nobody knows then what was booked, until the same key is sent again
 */
export async function book(
  client: Client,
  eventId: string,
  ticketTypeId: string,
  quantity: number,
  key: string,
): Promise<Order | string> {
  const { data, error, response } = await bookTickets({
    client,
    path: { eventId },
    headers: { 'Idempotency-Key': key },
    body: { items: [{ ticketTypeId, quantity }], customer: { email: 'ada@example.com' } },
  });
  if (data) return data;
  if (!response) throw error;
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
export async function ordersOf(client: Client, eventId: string): Promise<Order[]> {
  const orders: Order[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await listOrders({
      client,
      query: { eventId, limit: 2, status: 'confirmed', ...(cursor ? { cursor } : {}) },
    });
    if (!data) throw new Error(error.detail);
    orders.push(...data.items);
    cursor = data.nextCursor ?? undefined;
  } while (cursor);
  return orders;
}
