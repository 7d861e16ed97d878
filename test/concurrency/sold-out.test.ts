import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { stopJobs } from '../support/jobs.js';
import { insertOverdueHolds, makeOverdue } from '../support/orders.js';

describe('an event that is sold out', () => {
  let running: TestApp;
  let other: TestApp;
  let holder: Client;

  beforeAll(async () => {
    running = await startApp();
    other = await startApp({}, running.database);
    for (const app of [running, other]) await stopJobs(app, ExpireHoldsJob);
    holder = await running.database.connect();
  });
  afterAll(async () => {
    await holder.end();
    await other.close();
    await running.close();
  });

  /** On sale, its only ticket sold, and one refusal answered. */
  async function soldOut(overrides: Record<string, unknown> = {}) {
    const { api } = running;
    const event = await eventOnSale(api, [1], overrides);
    const sold = await api.book(event.eventId, { [event.ticketTypeId]: 1 }, { email: 'first@example.com' });
    expect(sold.status).toBe(201);
    expect((await api.book(event.eventId, { [event.ticketTypeId]: 1 })).status).toBe(409);
    return { ...event, orderId: sold.body.id as string };
  }

  async function withoutLock<T>(eventId: string, work: () => Promise<T>): Promise<T> {
    await holder.query('begin');
    await holder.query('select from events where id = $1 for update', [eventId]);
    try {
      return await work();
    } finally {
      await holder.query('rollback');
    }
  }

  it('refuses a storm of bookings while somebody else holds its lock, each with the whole refusal', async () => {
    const { eventId, ticketTypeId } = await soldOut();
    const replies = await withoutLock(eventId, () =>
      Promise.all(Array.from({ length: 200 }, () => running.api.book(eventId, { [ticketTypeId]: 2 }))),
    );
    expect(countByStatus(replies)).toEqual({ 409: 200 });
    expect(replies[199]!.body).toMatchObject({
      code: 'sold-out',
      shortages: [{ ticketTypeId, requested: 2, available: 0 }],
    });
  });

  it('answers with the other refusals just as well', async () => {
    const { eventId, ticketTypeId } = await soldOut({ maxTicketsPerCustomer: 1 });
    const codes = await withoutLock(eventId, async () => {
      const replies = [
        await running.api.book(eventId, { [ticketTypeId]: 1 }, { email: 'first@example.com' }),
        await running.api.book(eventId, { [ticketTypeId]: 1 }, { email: 'second@example.com' }),
        await running.api.book(eventId, { [randomUUID()]: 1 }),
      ];
      return replies.map(({ body }) => body.code);
    });
    expect(codes).toEqual(['customer-limit-exceeded', 'sold-out', 'ticket-type-not-found']);
  });

  it('sells a ticket that another instance gave back, to the very next request', async () => {
    const { eventId, ticketTypeId, orderId } = await soldOut();
    for (let round = 0, sold = orderId; round < 5; round++) {
      expect((await other.api.post(`/v1/orders/${sold}/cancel`)).status).toBe(200);
      const next = await running.api.book(eventId, { [ticketTypeId]: 1 });
      expect(next.status).toBe(201);
      sold = next.body.id as string;
      expect((await running.api.book(eventId, { [ticketTypeId]: 1 })).body.code).toBe('sold-out');
    }
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('sells more of it once its capacity grows', async () => {
    const { eventId, ticketTypeId } = await soldOut();
    await other.api.patch(`/v1/events/${eventId}/ticket-types/${ticketTypeId}`, { capacity: 2 }, { 'if-match': '*' });
    expect((await running.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
  });

  it('sells what a hold past its end still has, though nothing stored its expiry', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1]);
    const held = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 600 });
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(409);
    await makeOverdue(database, held.body.id);
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('does not wait for holds past their end of other ticket types', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeIds } = await eventOnSale(api, [0, 500]);
    await insertOverdueHolds(database, eventId, ticketTypeIds[1]!, 500);
    expect((await api.book(eventId, { [ticketTypeIds[0]!]: 1 })).status).toBe(409);
    const refused = await withoutLock(eventId, () => api.book(eventId, { [ticketTypeIds[0]!]: 1 }));
    expect(refused.body.code).toBe('sold-out');
  });

  it('gives a repeat its answer, whatever is left now', async () => {
    const { api } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1]);
    const key = randomUUID();
    const replies = await Promise.all(Array.from({ length: 50 }, () => api.book(eventId, { [ticketTypeId]: 1 }, { key })));
    expect(countByStatus(replies)).toEqual({ 201: 50 });
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(409);
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(409);
    const again = await api.book(eventId, { [ticketTypeId]: 1 }, { key });
    expect([again.status, again.body, again.headers.get('idempotent-replayed')]).toEqual([201, replies[0]!.body, 'true']);
  });

  it('never refuses while a ticket is left, with bookings and cancellations on two instances', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(running.api, [8]);
    // Each of the eight has at most one ticket at a time, so there is one for whoever asks.
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async (_, buyer) => {
        const [first, second] = buyer % 2 === 0 ? [running.api, other.api] : [other.api, running.api];
        const seen: number[] = [];
        for (let round = 0; round < 15; round++) {
          const booked = await first.book(eventId, { [ticketTypeId]: 1 });
          seen.push(booked.status);
          // A booking of more than there is keeps the event among those that are asked by a plain read.
          await first.book(eventId, { [ticketTypeId]: 9 });
          if (booked.status === 201) await second.post(`/v1/orders/${booked.body.id}/cancel`);
        }
        return seen;
      }),
    );
    expect(new Set(statuses.flat())).toEqual(new Set([201]));
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
