import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import { countByStatus, type Reply } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventBody, eventOnSale } from '../support/factories.js';
import { eventually, orderIdsOf, untilReady } from '../support/faults.js';
import { Load } from '../support/load/load.js';
import { recovery } from '../support/load/recovery.js';
import { ALL_WELL, settle } from '../support/load/report.js';
import { OwnServer } from '../support/own-server.js';
import { WatchedClient } from '../support/watched-client.js';

const IDLE_CONNECTIONS = 10;

describe('the database goes away', () => {
  let server: OwnServer;
  let running: TestApp;
  let api: TestApp['api'];

  beforeAll(async () => {
    server = await OwnServer.start();
    running = await startApp({}, await TestDatabase.open(server.url));
    api = running.api;
  });
  afterAll(async () => {
    await running.close();
    await running.database.leave();
    await server.remove();
  });

  const brokenInvariants = async () => {
    const database = await TestDatabase.open(server.url);
    const broken = await database.brokenInvariants();
    await database.leave();
    return broken;
  };

  const expectUnavailable = (reply: Reply) => {
    expect(reply).toMatchObject({ status: 503, body: { status: 503, code: 'database-unavailable' } });
    expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(reply.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
  };

  it('down: 503 for reads and writes, alive but not ready; up again: all is well without a restart of the app', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const key = randomUUID();
    await server.stop();
    expectUnavailable(await api.get(`/v1/events/${eventId}`));
    expectUnavailable(await api.get(`/v1/events/${eventId}/availability`));
    expectUnavailable(await api.get('/v1/orders'));
    expectUnavailable(await api.book(eventId, { [ticketTypeId]: 1 }, { key }));
    expectUnavailable(await api.post('/v1/events', eventBody()));
    expect(await api.get('/health/ready')).toMatchObject({ status: 503, body: { code: 'not-ready' } });
    expect((await api.get('/health/live')).status).toBe(200);
    await server.startAgain();
    await untilReady(api);
    expect((await api.book(eventId, { [ticketTypeId]: 1 }, { key })).status).toBe(201);
    expect(await orderIdsOf(api, eventId)).toHaveLength(1);
    expect(await brokenInvariants()).toEqual([]);
  });

  it('down from the start: 503, and served as soon as it is up', async () => {
    await server.stop();
    const early = await startApp({ DATABASE_URL: server.url }, running.database);
    expectUnavailable(await early.api.get('/v1/events'));
    expectUnavailable(await early.api.post('/v1/events', eventBody()));
    await server.startAgain();
    await untilReady(early.api);
    const { eventId, ticketTypeId } = await eventOnSale(early.api);
    expect((await early.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    await early.close();
    expect(await brokenInvariants()).toEqual([]);
  });

  it('restarted while connections are idle: neither reads nor writes notice', async () => {
    await untilReady(api);
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const many = <T>(ask: () => Promise<T>) => Promise.all(Array.from({ length: IDLE_CONNECTIONS }, ask));
    for (let restart = 0; restart < 3; restart++) {
      await many(() => api.get(`/v1/events/${eventId}`));
      await server.stop();
      await server.startAgain();
      // A job that came in between may have found it down, on a slow machine; then all wait for the next probe.
      await untilReady(api);
      expect(countByStatus(await many(() => api.get(`/v1/events/${eventId}`)))).toEqual({ 200: IDLE_CONNECTIONS });
      expect(countByStatus(await many(() => api.book(eventId, { [ticketTypeId]: 1 })))).toEqual({ 201: IDLE_CONNECTIONS });
    }
    expect(await brokenInvariants()).toEqual([]);
  });

  it('crashed under load: 503 with Retry-After, and after retries with the same keys each was done once', async () => {
    const refused: Reply[] = [];
    const watched = new WatchedClient(api, (reply) => {
      if (reply.status === 503) refused.push(reply);
    });
    await untilReady(api);
    const events = [await eventOnSale(api, [100_000])];
    const options = { apis: () => [watched], events, clients: 20, giveUpChance: 0 };
    const load = await Load.during(options, async (clients) => {
      for (let crash = 0; crash < 3; crash++) {
        await clients.progress(20);
        await server.crash();
        const before = refused.length;
        await eventually('clients are refused', () => Promise.resolve(refused.length > before));
        await server.startAgain();
        await recovery(clients);
      }
    });
    for (const reply of refused) expectUnavailable(reply);
    const database = await TestDatabase.open(server.url);
    expect(await settle('the database crashes three times', load, events, database)).toEqual(ALL_WELL);
    await database.leave();
  });
});
