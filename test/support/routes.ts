import { randomUUID } from 'node:crypto';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { ApiClient } from './client.js';
import type { TestDatabase } from './database.js';
import { insertDeadLetter } from './dead-letters.js';
import { eventOnSale, createTicketType } from './factories.js';
import { moduleBodies, moduleRows } from './module-contract.js';

export interface Route {
  id: string;
  method: string;
  path: string;
  /** As documented; null: none is needed. */
  scope: string | null;
  /** Whether a token may be sent. */
  takesToken: boolean;
}

/** Routes by which signed-in customers act for themselves. */
export const OF_CUSTOMERS = new Set([
  ...['book', 'listOrders', 'getOrder', 'getOrderHistory', 'confirmOrder', 'extendHold', 'cancelOrder'],
]);

interface DocumentedOperation {
  operationId: string;
  security?: object[];
  'x-required-scope'?: string;
}

/** Every route of the document. @throws Error when one does not declare its access */
export function routesOf(document: OpenAPIObject): Route[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, DocumentedOperation>).map(([method, operation]) => {
      const { operationId: id, security, 'x-required-scope': scope = null } = operation;
      const needsToken = security?.length === 1 && 'bearer' in security[0]!;
      if (!security || needsToken !== (scope !== null)) throw new Error(`${id} declares no access`);
      return { id, method: method.toUpperCase(), path, scope, takesToken: security.some((one) => 'bearer' in one) };
    }),
  );
}

export interface Fixture {
  eventId: string;
  ticketTypeId: string;
  orderId: string;
  apiKeyId: string;
  deadLetterId: string;
}

/** Rows on which every route succeeds once. @param buyer books the order, which is held */
export async function fixture(database: TestDatabase, admin: ApiClient, buyer: ApiClient): Promise<Fixture> {
  const { eventId, ticketTypeId: sold } = await eventOnSale(admin);
  const ticketTypeId = await createTicketType(admin, eventId, { name: 'Unsold' });
  const order = await buyer.book(eventId, { [sold]: 1 }, { holdSeconds: 600 });
  const apiKey = await admin.post('/v1/api-keys', { name: 'Fixture', scopes: ['orders:read'] });
  const deadLetterId = await insertDeadLetter(database);
  const rows = await moduleRows(admin, eventId, database);
  return { ...rows, eventId, ticketTypeId, orderId: order.body.id, apiKeyId: apiKey.body.id, deadLetterId };
}

const BODIES: Record<string, (on: Fixture) => unknown> = {
  createEvent: () => ({ name: 'New', startsAt: '2035-06-23T18:00:00Z', timeZone: 'Europe/Berlin', currency: 'EUR' }),
  updateEvent: () => ({ name: 'Renamed' }),
  createTicketType: () => ({ name: 'New', price: { amount: 1, currency: 'EUR' }, capacity: 1 }),
  updateTicketType: () => ({ name: 'Renamed' }),
  createApiKey: () => ({ name: 'New', scopes: ['admin'] }),
  book: ({ ticketTypeId }) => ({ items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' } }),
  eraseCustomer: () => ({ email: 'nobody@example.com' }),
  extendHold: () => ({ seconds: 60 }),
};

/** What some need in their query. */
const QUERIES: Record<string, string> = { exportCustomer: '?email=ada@example.com' };

/** Sends a request that is right in everything but, maybe, who sends it. */
export async function request(url: string, route: Route, on: Fixture, token: string | null) {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: keyof Fixture) => on[name]) + (QUERIES[route.id] ?? '');
  const body = BODIES[route.id]?.(on) ?? moduleBodies[route.id];
  const response = await fetch(url + path, {
    method: route.method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(route.method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
      ...(route.method === 'PATCH' ? { 'if-match': '*' } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  const answer = (isJson ? await response.json() : await response.body?.cancel()) as Record<string, any> | undefined;
  return { status: response.status, headers: response.headers, body: answer };
}
