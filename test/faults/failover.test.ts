import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import type { Reply } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually, untilAnswered, untilReady } from '../support/faults.js';
import { OwnServer } from '../support/own-server.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

const TABLES = ['events', 'ticket_types', 'orders', 'order_items', 'order_history', 'idempotency_keys'];

describe('the address of the database leads to another server', () => {
  const servers: OwnServer[] = [];
  let [old, next]: TestDatabase[] = [];
  let proxy: PostgresProxy;
  let running: TestApp;

  beforeAll(async () => {
    servers.push(await OwnServer.start(), await OwnServer.start());
    [old, next] = await Promise.all(servers.map(({ url }) => TestDatabase.open(url)));
    for (const database of [old!, next!]) await database.sql(`create role app superuser login password 'x'`);
    proxy = await PostgresProxy.start(Object.assign(new URL(old!.url), { username: 'app', password: 'x' }).href);
    running = await startApp({ DATABASE_URL: proxy.url }, old);
  });
  afterAll(async () => {
    await running.close();
    await proxy.close();
    await old!.leave();
    await next!.leave();
    for (const server of servers) await server.remove();
  });

  /** What replication does. */
  async function copyRows(from: TestDatabase, to: TestDatabase): Promise<void> {
    for (const table of TABLES) {
      const rows = await from.sql(`select * from ${table}`);
      await to.sql(`insert into ${table} select * from json_populate_recordset(null::${table}, $1)`, [JSON.stringify(rows)]);
    }
  }

  const makeReadOnly = async (database: TestDatabase) => {
    await database.sql('alter system set default_transaction_read_only = on');
    await database.sql('select pg_reload_conf()');
    await eventually('it is read-only', async () => {
      const [row] = await database.sql<{ is: string }>(`select current_setting('transaction_read_only') as is`);
      return row!.is === 'on';
    });
  };
  const connections = (database: TestDatabase) =>
    database.sql(`select pid from pg_stat_activity where datname = 'holdfast' and application_name = 'holdfast'`);

  it('a server that becomes read-only is left for the one that its address leads to now, by writes and by reads', async () => {
    const { api } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1000]);
    const book = (key: string = randomUUID()) => api.book(eventId, { [ticketTypeId]: 1 }, { key });
    const reads = () => Promise.all(Array.from({ length: 10 }, () => api.get(`/v1/events/${eventId}`)));
    const key = randomUUID();
    const { body: order } = await book(key);
    await reads();
    await copyRows(old!, next!);
    // Open connections stay with the old server, which still answers reads.
    proxy.pointTo(next!.url);
    expect((await connections(old!)).length).toBeGreaterThan(0);
    await makeReadOnly(old!);

    const replies: Reply[] = [];
    for (let count = 0; count < 20; count++) replies.push(await untilAnswered(() => book()));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
    await eventually('no connection leads to the old server', async () => (await connections(old!)).length === 0);
    for (const { status } of await reads()) expect(status).toBe(200);
    expect(await connections(old!)).toEqual([]);
    expect((await book(key)).body).toEqual(order);
    const counts = async (database: TestDatabase) =>
      (await database.sql<{ count: number }>('select count(*)::integer from orders'))[0]!.count;
    expect([await counts(old!), await counts(next!)]).toEqual([1, 21]);
    expect(await next!.brokenInvariants()).toEqual([]);
  });

  it('while it leads to a read-only server only: 503 for reads and writes, not ready; writable again: all is well', async () => {
    const { api } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await makeReadOnly(next!);
    await eventually('bookings are refused', async () => (await api.book(eventId, { [ticketTypeId]: 1 })).status === 503);
    await eventually('reads are refused', async () => (await api.get(`/v1/events/${eventId}`)).status === 503);
    expect((await api.get('/health/ready')).status).toBe(503);
    await next!.sql('set default_transaction_read_only = off');
    await next!.sql('alter system reset default_transaction_read_only');
    await next!.sql('select pg_reload_conf()');
    await untilReady(api);
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    expect((await api.get(`/v1/events/${eventId}/availability`)).body.ticketTypes[0].sold).toBe(1);
  });
});
