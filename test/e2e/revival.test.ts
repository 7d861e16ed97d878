import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { ADMIN } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { stopJobs } from '../support/jobs.js';
import { insertOverdueHolds, makeOverdue } from '../support/orders.js';
import { problemOf } from '../support/problems.js';
import { countsOf, historyOf, stepsOf } from '../support/reads.js';

describe('reviveIfAvailable, for a payment that came late', () => {
  let running: TestApp;
  let api: ApiClient;

  const sweep = () => running.app.get(ExpireHoldsJob, { strict: false }).runOnce();

  /** A hold of two of five tickets, past its end. */
  const expired = async ({ stored = false, ...event }: { stored?: boolean; maxTicketsPerCustomer?: number } = {}) => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [5], event);
    const order = (await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 600 })).body;
    const id = order.id as string;
    await makeOverdue(running.database, id);
    if (stored) await sweep();
    const revive = (key?: string) =>
      api.post(
        `/v1/orders/${id}/confirm`,
        { reviveIfAvailable: true, paymentReference: 'late' },
        key ? { 'idempotency-key': key } : {},
      );
    const read = async () => (await api.get(`/v1/orders/${id}`)).body;
    const book = async (quantity: number, options: { email?: string; holdSeconds?: number } = {}): Promise<string> =>
      (await api.book(eventId, { [ticketTypeId]: quantity }, { email: 'grace@example.com', ...options })).body.id;
    return { eventId, ticketTypeId, order, id, revive, read, book };
  };

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
    // No sweeper runs on its own here.
    await stopJobs(running, ExpireHoldsJob);
  });
  afterAll(() => running.close());

  describe.each([
    ['is not stored yet', false],
    ['is stored', true],
  ])('when the expiry %s', (_, stored) => {
    it('confirms the order again if its tickets are there: two lines of history, one commit', async () => {
      const { eventId, order, id, revive, read } = await expired({ stored });
      const reply = await revive();
      const { confirmedAt } = reply.body;
      expect([reply.status, reply.headers.get('etag')]).toEqual([200, '"3"']);
      const changes = { status: 'confirmed', expiresAt: null, paymentReference: 'late', version: 3 };
      expect(reply.body).toEqual({ ...order, ...changes, confirmedAt, updatedAt: confirmedAt });
      expect(await read()).toEqual(reply.body);
      expect(await countsOf(api, eventId)).toEqual([[0, 2, 3]]);
      expect((await historyOf(api, id)).slice(1)).toMatchObject([
        { sequence: 2, step: 'expire', from: 'held', to: 'expired', actor: 'system' },
        { sequence: 3, step: 'revive', from: 'expired', to: 'confirmed', actor: ADMIN.caller, at: confirmedAt },
      ]);
    });

    it('takes exactly what is left', async () => {
      const { eventId, revive, book } = await expired({ stored });
      await book(3);
      expect((await revive()).status).toBe(200);
      expect(await countsOf(api, eventId)).toEqual([[0, 5, 0]]);
    });

    it('refuses with the shortages when a booking in between took the tickets, and takes none', async () => {
      const { eventId, ticketTypeId, revive, read, book, id } = await expired({ stored });
      await book(4);
      const before = await read();
      const shortages = [{ ticketTypeId, requested: 2, available: 1 }];
      expect(problemOf(await revive())).toEqual({ status: 409, code: 'hold-expired', expiresAt: before.expiresAt, shortages });
      expect(await read()).toEqual(before);
      expect(await countsOf(api, eventId)).toEqual([[0, 4, 1]]);
      expect(await stepsOf(api, id)).toEqual(['hold', 'expire']);
    });

    it('with a key once, also ten at once; again without it: the same order', async () => {
      const { eventId, id, revive } = await expired({ stored });
      const replies = await Promise.all(Array.from({ length: 10 }, () => revive(`revive ${id}`)));
      for (const { status, body } of [...replies, await revive()]) expect([status, body]).toEqual([200, replies[0]!.body]);
      expect(await countsOf(api, eventId)).toEqual([[0, 2, 3]]);
      expect(await stepsOf(api, id)).toEqual(['hold', 'expire', 'revive']);
    });

    it('leaves its key free when it is refused', async () => {
      const { id, revive, book, eventId } = await expired({ stored });
      const taken = await book(5);
      expect((await revive(`late ${id}`)).status).toBe(409);
      await api.post(`/v1/orders/${taken}/cancel`);
      expect((await revive(`late ${id}`)).body.status).toBe('confirmed');
      expect(await countsOf(api, eventId)).toEqual([[0, 2, 3]]);
    });

    it('respects the limit of the customer', async () => {
      const { eventId, ticketTypeId, revive, book } = await expired({ stored, maxTicketsPerCustomer: 3 });
      const other = await book(2, { email: 'ADA@example.com' });
      const exceeded = { status: 409, code: 'customer-limit-exceeded', limit: 3, alreadyBooked: 2 };
      expect(problemOf(await revive())).toEqual(exceeded);
      expect(await countsOf(api, eventId)).toEqual([[0, 2, 3]]);
      await api.post(`/v1/orders/${other}/cancel`);
      expect((await revive()).status).toBe(200);
      expect(problemOf(await api.book(eventId, { [ticketTypeId]: 2 }))).toEqual(exceeded);
    });

    it('not of an event that has started', async () => {
      const { eventId, revive, read } = await expired({ stored });
      await running.database.sql(`update events set starts_at = now() - interval '1 minute' where id = $1`, [eventId]);
      expect(problemOf(await revive())).toEqual({ status: 409, code: 'event-not-on-sale', reason: 'event-started' });
      expect(await read()).toMatchObject({ status: 'expired', version: 2 });
    });

    it('not of a cancelled event', async () => {
      const { eventId, revive, read } = await expired({ stored });
      await api.post(`/v1/events/${eventId}/cancel`);
      expect(problemOf(await revive())).toEqual({ status: 409, code: 'event-not-on-sale', reason: 'cancelled' });
      expect(await read()).toMatchObject({ status: 'expired', version: 2 });
      expect(await countsOf(api, eventId)).toEqual([[0, 0, 5]]);
    });
  });

  it('takes back other holds past their end when it is short', async () => {
    const { eventId, ticketTypeId, revive, book } = await expired();
    // This booking takes back the two tickets; then three more holds end that nothing has stored.
    const holds = [await book(4, { holdSeconds: 60 }), await book(1, { holdSeconds: 60, email: 'linus@example.com' })];
    await makeOverdue(running.database, ...holds);
    expect((await revive()).status).toBe(200);
    expect(await countsOf(api, eventId)).toEqual([[0, 2, 3]]);
    expect((await api.book(eventId, { [ticketTypeId]: 3 })).status).toBe(201);
  });

  it('takes back other holds of its ticket types, however many there are of others', async () => {
    const { eventId, ticketTypeIds } = await eventOnSale(api, [1, 1_200]);
    const [wanted, many] = ticketTypeIds as [string, string];
    await insertOverdueHolds(running.database, eventId, many, 1_200);
    const { id } = (await api.book(eventId, { [wanted]: 1 }, { holdSeconds: 60 })).body;
    await makeOverdue(running.database, id);
    const other = (await api.book(eventId, { [wanted]: 1 }, { holdSeconds: 60, email: 'grace@example.com' })).body;
    await makeOverdue(running.database, other.id);
    expect((await api.post(`/v1/orders/${id}/confirm`, { reviveIfAvailable: true })).body.status).toBe('confirmed');
    expect(await stepsOf(api, other.id)).toEqual(['hold', 'expire']);
    expect((await countsOf(api, eventId))[0]).toEqual([0, 1, 0]);
    expect((await running.database.sql(`select from orders where status = 'held' and event_id = $1`, [eventId])).length).toBe(
      1_200,
    );
  });

  it('of a hold that lives confirms it, as without it', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
    const { id } = (await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 60 })).body;
    expect((await api.post(`/v1/orders/${id}/confirm`, { reviveIfAvailable: true })).body).toMatchObject({ version: 2 });
    expect(await stepsOf(api, id)).toEqual(['hold', 'confirm']);
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
