import type { ApiClient } from './client.js';
import type { TestDatabase } from './database.js';
import { insertDeadLetter } from './dead-letters.js';
import { eventOnSale } from './factories.js';

/* Requests that get every answer there is about something. */

/** Problems that need a fault, or more than one connection. */
export const NOT_PROVOKED = [
  ...['database-unavailable', 'internal-error', 'not-ready', 'overloaded', 'rate-limited', 'webhooks-not-configured'],
];

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';

/** @throws Error when a page has no next one */
export async function provokeNextPages(api: ApiClient): Promise<void> {
  const { eventId, ticketTypeId } = await eventOnSale(api, [10, 10]);
  for (let count = 0; count < 2; count++) await api.book(eventId, { [ticketTypeId]: 1 });
  for (const path of ['/v1/events', `/v1/events/${eventId}/ticket-types`, '/v1/orders']) {
    const { nextCursor } = (await api.get(`${path}?limit=1`)).body;
    if (typeof nextCursor !== 'string') throw new Error(`${path} has no next page`);
  }
}

export async function provokeFeed(api: ApiClient, database: TestDatabase): Promise<void> {
  const ahead = Buffer.from('["9000000000000000","1"]').toString('base64url');
  await api.get(`/v1/changes?after=${ahead}`);
  await api.post(`/v1/dead-letters/${UNKNOWN}/retry`);
  for (let count = 0; count < 2; count++) await insertDeadLetter(database);
  await api.get('/v1/dead-letters?limit=1');
}
