import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApp, type TestApp } from '../support/app.js';
import { countByStatus, type Reply } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventBody, eventOnSale } from '../support/factories.js';
import { orderIdsOf, untilAnswered } from '../support/faults.js';
import { OwnServer } from '../support/own-server.js';

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
    expectUnavailable(await api.get('/health/ready'));
    expect((await api.get('/health/live')).status).toBe(200);
    await server.startAgain();
    expect((await api.get('/health/ready')).status).toBe(200);
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
    const { eventId, ticketTypeId } = await eventOnSale(early.api);
    expect((await early.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    await early.close();
    expect(await brokenInvariants()).toEqual([]);
  });

  it('restarted while connections are idle: neither reads nor writes notice', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const many = <T>(ask: () => Promise<T>) => Promise.all(Array.from({ length: IDLE_CONNECTIONS }, ask));
    for (let restart = 0; restart < 3; restart++) {
      await many(() => api.get(`/v1/events/${eventId}`));
      await server.stop();
      await server.startAgain();
      expect(countByStatus(await many(() => api.get(`/v1/events/${eventId}`)))).toEqual({ 200: IDLE_CONNECTIONS });
      expect(countByStatus(await many(() => api.book(eventId, { [ticketTypeId]: 1 })))).toEqual({ 201: IDLE_CONNECTIONS });
    }
    expect(await brokenInvariants()).toEqual([]);
  });

  it('crashed while bookings run: 201 or 503 with Retry-After, and after retries with the same keys one order each', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [100_000]);
    const book = (key: string) => api.book(eventId, { [ticketTypeId]: 1 }, { key });
    let asked = 0;
    for (let crash = 0; crash < 3; crash++) {
      const keys: string[] = [];
      const replies: Reply[] = [];
      const load = { over: false };
      const customers = Array.from({ length: 20 }, async () => {
        while (!load.over) {
          const key = randomUUID();
          keys.push(key);
          replies.push(await book(key));
        }
      });
      while (!replies.some(({ status }) => status === 201)) await sleep(20);
      await server.crash();
      load.over = true;
      await Promise.all(customers);
      await server.startAgain();

      for (const reply of replies) if (reply.status !== 201) expectUnavailable(reply);
      const answers = await Promise.all(keys.map((key) => untilAnswered(() => book(key))));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
      const booked = new Set(answers.map(({ body }) => body.id as string));
      expect(booked.size).toBe(keys.length);
      for (const { status, body } of replies) if (status === 201) expect(booked).toContain(body.id);
      asked += keys.length;
      const orders = new Set(await orderIdsOf(api, eventId));
      expect(orders.size).toBe(asked);
      expect([...booked].filter((id) => !orders.has(id))).toEqual([]);
      expect(await brokenInvariants()).toEqual([]);
    }
  });
});
