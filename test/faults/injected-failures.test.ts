import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';

const TABLES = ['events', 'ticket_types', 'orders', 'order_items', 'order_history', 'idempotency_keys'];
const SECRET = 'injected by a test';

const failsAt = (table: string, when: string) =>
  `create trigger injected ${when} on ${table} for each row execute function injected()`;
const failsAtCommit = (table: string) =>
  `create constraint trigger injected after insert on ${table} deferrable initially deferred for each row execute function injected()`;

describe('a failure in the middle of a booking', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
    await running.database.sql(
      `create function injected() returns trigger language plpgsql as $$ begin raise '${SECRET}'; end $$`,
    );
  });
  afterAll(() => running.close());

  async function everything(): Promise<unknown[]> {
    const rows = [];
    for (const table of TABLES)
      rows.push(await running.database.sql(`select '${table}' as table, t.* from ${table} t order by t::text`));
    return rows;
  }

  it.each([
    ['at the count', 'ticket_types', failsAt('ticket_types', 'after update')],
    ['between the count and the order', 'orders', failsAt('orders', 'before insert')],
    ['at the items', 'order_items', failsAt('order_items', 'before insert')],
    ['at the history', 'order_history', failsAt('order_history', 'before insert')],
    ['at the key', 'idempotency_keys', failsAt('idempotency_keys', 'before insert')],
    ['at the commit', 'orders', failsAtCommit('orders')],
    ['at the commit, by the key', 'idempotency_keys', failsAtCommit('idempotency_keys')],
  ])('%s leaves nothing behind, says nothing about it, and the same key books later', async (_, table, trigger) => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await api.book(eventId, { [ticketTypeId]: 3 });
    const key = randomUUID();
    const before = await everything();

    await database.sql(trigger);
    const failed = await api.book(eventId, { [ticketTypeId]: 1 }, { key });
    await database.sql(`drop trigger injected on ${table}`);
    expect(failed).toMatchObject({ status: 500, body: { status: 500, code: 'internal-error' } });
    expect(failed.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(JSON.stringify(failed.body)).not.toMatch(new RegExp(`${SECRET}|trigger|insert|${table}`, 'i'));
    expect(await everything()).toEqual(before);

    const booked = await api.book(eventId, { [ticketTypeId]: 1 }, { key });
    expect(booked.status).toBe(201);
    expect(booked.headers.get('idempotent-replayed')).toBeNull();
    expect(booked.body.sequence).toBe(2);
    const { body } = await api.get(`/v1/events/${eventId}/availability`);
    expect(body.ticketTypes).toMatchObject([{ capacity: 100, held: 0, sold: 4, available: 96 }]);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('a failure while an order is cancelled leaves the order and its tickets as they were', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const { body: order } = await api.book(eventId, { [ticketTypeId]: 2 });
    const before = await everything();
    await database.sql(failsAtCommit('order_history'));
    const failed = await api.post(`/v1/orders/${order.id}/cancel`);
    await database.sql('drop trigger injected on order_history');
    expect(failed.status).toBe(500);
    expect(await everything()).toEqual(before);
    expect(await api.post(`/v1/orders/${order.id}/cancel`)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
