import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { blockedBackend, holdEventLock, untilAnswered } from '../support/faults.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

const DEATHS = 25;

describe('a connection that dies inside a transaction goes back to the pool', () => {
  let running: TestApp;
  let proxy: PostgresProxy;

  beforeAll(async () => {
    const database = await TestDatabase.create();
    proxy = await PostgresProxy.start(database.url);
    running = await startApp({ DATABASE_URL: proxy.url, DATABASE_POOL_MAX: '5', DATABASE_POOL_WAIT_MS: '15000' }, database);
  });
  afterAll(async () => {
    await running.close();
    await proxy.close();
    await running.database.drop();
  });

  async function expectTheWholePoolToWork(eventId: string, ticketTypeId: string): Promise<void> {
    const { api, database } = running;
    const replies = await Promise.all(Array.from({ length: 20 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
    expect(countByStatus(replies)).toEqual({ 201: 20 });
    const orders = await database.sql<{ count: number }>('select count(*)::integer from orders where event_id = $1', [eventId]);
    expect(orders).toEqual([{ count: DEATHS + 20 }]);
    expect(await database.brokenInvariants()).toEqual([]);
  }

  it('after 25 backends were terminated while they waited for the event lock, a pool of 5 still books', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1000]);
    for (let death = 0; death < DEATHS; death++) {
      const lock = await holdEventLock(database, eventId);
      const booking = api.book(eventId, { [ticketTypeId]: 1 });
      await database.sql('select pg_terminate_backend($1)', [await blockedBackend(database)]);
      await lock.release();
      expect(await booking).toMatchObject({ status: 201 });
    }
    await expectTheWholePoolToWork(eventId, ticketTypeId);
  });

  it('after 25 connections were cut at COMMIT, a pool of 5 still books', async () => {
    const { api } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1000]);
    proxy.faultEvery = 2;
    const before = proxy.faults;
    for (let death = 0; death < DEATHS; death++) {
      const key = randomUUID();
      const reply = await untilAnswered(() => api.book(eventId, { [ticketTypeId]: 1 }, { key }));
      expect(reply.status).toBe(201);
    }
    proxy.faultEvery = 0;
    expect(proxy.faults - before).toBeGreaterThanOrEqual(DEATHS - 1);
    await expectTheWholePoolToWork(eventId, ticketTypeId);
  });
});
