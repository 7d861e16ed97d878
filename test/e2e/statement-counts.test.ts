import { jest } from '@jest/globals';
import { pg } from '../../src/platform/database/pg-client.js';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { recurringJobsOf } from '../support/jobs.js';

/** What the jobs of the app send by themselves. */
const OF_JOBS =
  /transaction_read_only|consumers-with-news|domain_event_cursors|pgboss|select distinct event_id|^select .*"has_orders_to_cancel" = true|delete from idempotency_keys/s;

/** The look-up of the caller's API key, one for every request that has one, and the note of its use once a minute. */
const OF_ACCESS = /find-api-keys|update api_keys/;

describe('the SQL statements of a request', () => {
  let running: TestApp;
  let eventId: string;
  let ticketTypeIds: string[];
  let orderId: string;
  const sent: string[] = [];

  beforeAll(async () => {
    running = await startApp();
    // Their transactions could not be told from those of requests.
    for (const job of recurringJobsOf(running)) await job.beforeApplicationShutdown();
    const { api } = running;
    for (let index = 0; index < 5; index++) await eventOnSale(api, [10, 10, 10]);
    ({ eventId, ticketTypeIds } = await eventOnSale(api, [100, 100, 100]));
    for (let index = 0; index < 5; index++) {
      const items = Object.fromEntries(ticketTypeIds.map((id) => [id, 1]));
      orderId = (await api.book(eventId, items, { holdSeconds: 600 })).body.id;
    }
    const query = pg.Client.prototype.query;
    jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: unknown, ...args: unknown[]) {
      const [config] = args as [string | { text?: string }];
      sent.push(typeof config === 'string' ? config : (config.text ?? ''));
      return Reflect.apply(query, this, args);
    });
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    await running.close();
  });

  async function statementsOf(method: string, path: string, body?: unknown): Promise<string[]> {
    sent.length = 0;
    const reply = await running.api.send(method, path, body, {
      'idempotency-key': `${method} ${path}`.replaceAll(/[^ -~]/g, ''),
    });
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`);
    return sent
      .filter((text) => !OF_JOBS.test(text) && !OF_ACCESS.test(text))
      .map((text) => text.replaceAll(/\s+/g, ' ').slice(0, 80));
  }

  it.each([
    ['an event with its ticket types', () => `/v1/events/${eventId}`, 2],
    // Lists end the snapshot in which both are read; its beginning travels with the first statement.
    ['a list of events with their ticket types', () => '/v1/events', 3],
    ['a ticket type', () => `/v1/events/${eventId}/ticket-types/${ticketTypeIds[0]}`, 1],
    ['a list of ticket types', () => `/v1/events/${eventId}/ticket-types`, 1],
    ['availability', () => `/v1/events/${eventId}/availability`, 1],
    ['an order with its items', () => `/v1/orders/${orderId}`, 1],
    ['a list of orders with their items', () => '/v1/orders', 3],
    ['the orders of an event', () => `/v1/orders?eventId=${eventId}&status=held`, 3],
    ['the history of an order', () => `/v1/orders/${orderId}/history`, 1],
  ])('%s: no more than needed, however many rows', async (_, path, most) => {
    const statements = await statementsOf('GET', path());
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.length > most ? statements : []).toEqual([]);
  });

  it.each([
    [
      'a booking',
      () => `/v1/events/${eventId}/bookings`,
      () => ({ items: ticketTypeIds.map((id) => ({ ticketTypeId: id, quantity: 1 })), customer: { email: 'a@example.com' } }),
      // The key before the lock; begin with lock, load, write, commit.
      5,
    ],
    // The key, the event of the order; begin with lock, load, the order and its items, write, audit log, commit.
    ['an extension', () => `/v1/orders/${orderId}/extend`, () => ({ seconds: 60 }), 9],
    ['a confirmation', () => `/v1/orders/${orderId}/confirm`, () => ({}), 9],
    ['a cancellation', () => `/v1/orders/${orderId}/cancel`, () => ({}), 9],
  ])('%s', async (_, path, body, count) => {
    const statements = await statementsOf('POST', path(), body());
    expect([statements.length, statements.length === count ? [] : statements]).toEqual([count, []]);
  });

  it('one for the API key, shared by requests that come together', async () => {
    const path = `/v1/events/${eventId}`;
    await running.api.get(path);
    sent.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => running.api.get(path)));
    const lookUps = sent.filter((text) => text.includes('find-api-keys'));
    expect(lookUps.length).toBeGreaterThan(0);
    expect(lookUps.length).toBeLessThanOrEqual(20);
  });

  it('a repeat: one', async () => {
    const path = `/v1/orders/${orderId}/cancel`;
    expect(await statementsOf('POST', path, {})).toHaveLength(1);
  });

  it('a refusal of an event that is sold out: the key, and one plain read', async () => {
    const { api } = running;
    const soldOut = await eventOnSale(api, [0]);
    for (let index = 0; index < 2; index++) {
      sent.length = 0;
      expect((await api.book(soldOut.eventId, { [soldOut.ticketTypeId]: 1 })).status).toBe(409);
    }
    expect(sent.filter((text) => !OF_JOBS.test(text) && !OF_ACCESS.test(text))).toHaveLength(2);
  });
});
