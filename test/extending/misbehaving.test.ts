import { randomUUID } from 'node:crypto';
import { Logger, Module } from '@nestjs/common';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { untilPasses } from '../support/until-passes.js';
import { DemandingPolicy } from './misbehaving/demanding.policy.js';
import { EndlessSubscriber } from './misbehaving/endless-subscriber.js';
import { MisbehavingPolicy } from './misbehaving/misbehaving.policy.js';

@Module({ providers: [MisbehavingPolicy] })
class MisbehavingModule {}

@Module({ providers: [EndlessSubscriber] })
class EndlessModule {}

@Module({ providers: [DemandingPolicy] })
class DemandingModule {}

describe('a policy that does what it must not do', () => {
  let running: TestApp;
  let api: ApiClient;
  let logged: string[];

  const log = (message: unknown, ...more: unknown[]) => void logged.push([message, ...more].map(String).join(' '));
  const book = (eventId: string, ticketTypeId: string, sin?: string) =>
    api.post(
      `/v1/events/${eventId}/bookings`,
      {
        items: [{ ticketTypeId, quantity: 1 }],
        customer: { email: 'ada@example.com' },
        ...(sin === undefined ? {} : { metadata: { sin } }),
      },
      { 'idempotency-key': randomUUID() },
    );

  beforeAll(async () => {
    running = await startApp({}, undefined, [MisbehavingModule]);
    api = running.api;
    Logger.overrideLogger({ log: () => {}, warn: log, error: log });
  });
  beforeEach(() => {
    logged = [];
  });
  afterEach(() => running.database.assertInvariants());
  afterAll(async () => {
    Logger.overrideLogger(false);
    await running.close();
  });

  it.each(['own connection', 'own connection, caught', 'own connection at write'])(
    '%s: 500 and nothing is booked, the log names it, and the others of the same moment go on',
    async (sin) => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const replies = await Promise.all([undefined, sin, undefined].map((one) => book(eventId, ticketTypeId, one)));
      expect(replies.map(({ status }) => status)).toEqual([201, 500, 201]);
      expect(logged.join('\n')).toContain('The extension misbehaving sent a statement on another connection');
      const { body } = await api.get(`/v1/events/${eventId}/availability`);
      expect(body.ticketTypes[0]).toMatchObject({ sold: 2, held: 0 });
    },
  );

  it('a query that nobody waits for is not sent, and the log names it', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    expect((await book(eventId, ticketTypeId, 'query while deciding')).status).toBe(201);
    await untilPasses(async () => expect(logged.join('\n')).toContain('The extension misbehaving sent a statement'));
  });

  it('a decision that is a promise: 500, and the log says why', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    expect((await book(eventId, ticketTypeId, 'promise')).status).toBe(500);
    expect(logged.join('\n')).toContain('The extension misbehaving failed: it returned a promise');
    expect((await book(eventId, ticketTypeId)).status).toBe(201);
  });

  it('slow: it is told in the log, by name and with its time', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    expect((await book(eventId, ticketTypeId, 'slow')).status).toBe(201);
    await untilPasses(async () =>
      expect(logged.join('\n')).toMatch(
        new RegExp(`A turn of event ${eventId} had its lock for [1-9]\\d{3,} ms; of that misbehaving [1-9]\\d{3,} ms`),
      ),
    );
  });

  it('and one that behaves is left alone, with many at once', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const replies = await Promise.all(Array.from({ length: 40 }, () => book(eventId, ticketTypeId)));
    expect(replies.every(({ status }) => status === 201)).toBe(true);
    expect(logged.filter((line) => line.includes('misbehaving '))).toEqual([]);
  });
});

it('a subscriber that never ends does not keep the app from stopping, and hears of the same fact from the next one', async () => {
  const first = await startApp({}, undefined, [EndlessModule]);
  const { eventId, ticketTypeId } = await eventOnSale(first.api);
  const { body } = await first.api.book(eventId, { [ticketTypeId]: 1 });
  const hasHeard = ({ app }: TestApp) =>
    untilPasses(async () => expect(app.get(EndlessSubscriber, { strict: false }).heard).toContain(body.id));
  await hasHeard(first);
  await first.app.close();
  const next = await startApp({}, first.database, [EndlessModule]);
  await hasHeard(next);
  await next.app.close();
  await first.database.drop();
});

it('a member of a booking that is not optional, as it should be, is asked for', async () => {
  const running = await startApp({}, undefined, [DemandingModule]);
  try {
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    const book = (more: object) => {
      const body = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' }, ...more };
      return running.api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': randomUUID() });
    };
    const refused = await book({});
    expect(refused.status).toBe(400);
    expect(refused.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toContain('/colour');
    expect((await book({ colour: 'red' })).status).toBe(201);
  } finally {
    await running.close();
  }
});
