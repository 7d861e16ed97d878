import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { holdEventLock } from '../support/faults.js';
import { stopJobs } from '../support/jobs.js';
import { insertOverdueHolds, makeOverdue } from '../support/orders.js';
import { walk } from '../support/pages.js';
import { problemOf } from '../support/problems.js';
import { countsOf, historyOf, stepsOf } from '../support/reads.js';

describe('a hold past its end', () => {
  let running: TestApp;
  let other: TestApp;
  let api: ApiClient;

  const sweeperOf = ({ app }: TestApp) => app.get(ExpireHoldsJob, { strict: false });

  const hold = async (quantity = 2, { capacity = 5, ...event }: { capacity?: number; maxTicketsPerCustomer?: number } = {}) => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [capacity], event);
    const order = (await api.book(eventId, { [ticketTypeId]: quantity }, { holdSeconds: 600 })).body;
    return { eventId, ticketTypeId, order, id: order.id as string, path: `/v1/orders/${order.id}` };
  };
  const overdue = async (...args: Parameters<typeof hold>) => {
    const held = await hold(...args);
    await makeOverdue(running.database, held.id);
    return held;
  };
  /** As it is in the table. */
  const storedStatusOf = async (...ids: string[]): Promise<string[]> =>
    (await running.database.sql<{ status: string }>('select status from orders where id = any($1) order by sequence', [ids])).map(
      ({ status }) => status,
    );

  beforeAll(async () => {
    running = await startApp();
    other = await startApp({}, running.database);
    api = running.api;
    for (const app of [running, other]) await stopJobs(app, ExpireHoldsJob);
  });
  // What a test leaves overdue is not counted by the next.
  afterEach(async () => {
    while ((await sweeperOf(running).runOnce()) > 0);
  });
  afterAll(async () => {
    await other.close();
    await running.close();
  });

  describe('that nothing has stored', () => {
    it('is expired when it is read, and its tickets are available', async () => {
      const { eventId, id, path, order } = await hold();
      expect(await countsOf(api, eventId)).toEqual([[2, 0, 3]]);
      await makeOverdue(running.database, id);
      const { body } = await api.get(path);
      expect(body).toEqual({ ...order, status: 'expired', version: 2, expiresAt: body.expiresAt, updatedAt: body.expiresAt });
      expect(await countsOf(api, eventId)).toEqual([[0, 0, 5]]);
      expect(await storedStatusOf(id)).toEqual(['held']);
    });

    it('is listed as expired, not as held, in every page', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [20]);
      const book = async (holdSeconds?: number): Promise<string> =>
        (await api.book(eventId, { [ticketTypeId]: 1 }, holdSeconds ? { holdSeconds } : {})).body.id;
      const [late, live, stored, sold, later] = [await book(60), await book(60), await book(60), await book(), await book(60)];
      await makeOverdue(running.database, stored);
      await sweeperOf(running).runOnce();
      await makeOverdue(running.database, late, later);
      const listed = async (status: string) =>
        (await walk<{ id: string; status: string }>(api, `/v1/orders?eventId=${eventId}&status=${status}`, 1)).map((order) => [
          order.id,
          order.status,
        ]);
      expect(await listed('held')).toEqual([[live, 'held']]);
      expect(await listed('confirmed')).toEqual([[sold, 'confirmed']]);
      expect(await listed('expired')).toEqual([later, stored, late].map((id) => [id, 'expired']));
      expect(await storedStatusOf(late, stored, later)).toEqual(['held', 'expired', 'held']);
    });

    it('can be neither confirmed nor extended nor cancelled', async () => {
      const { eventId, path, id, ticketTypeId } = await overdue();
      const { body } = await api.get(path);
      const expired = { status: 409, code: 'hold-expired', expiresAt: body.expiresAt };
      const notCancellable = { status: 409, code: 'order-not-cancellable', orderStatus: 'expired' };
      expect(problemOf(await api.post(`${path}/confirm`))).toEqual(expired);
      expect(problemOf(await api.post(`${path}/extend`, { seconds: 60 }))).toEqual(expired);
      expect(problemOf(await api.post(`${path}/cancel`))).toEqual(notCancellable);
      const items = [{ ticketTypeId, quantity: 1 }];
      expect(problemOf(await api.post(`${path}/cancel`, { items }))).toEqual(notCancellable);
      expect((await api.get(path)).body).toEqual(body);
      expect(await countsOf(api, eventId)).toEqual([[0, 0, 5]]);
      expect(await stepsOf(api, id)).toEqual(['hold']);
    });

    it('changes its ETag when it expires, and not again when that is stored', async () => {
      const { eventId, id, path } = await hold();
      const tagOf = async () => (await api.get(path)).headers.get('etag');
      expect(await tagOf()).toBe('"1"');
      await makeOverdue(running.database, id);
      const before = await api.get(path, { 'if-none-match': '"1"' });
      expect([before.status, before.headers.get('etag')]).toEqual([200, '"2"']);
      const availability = await api.get(`/v1/events/${eventId}/availability`);
      expect(await sweeperOf(running).runOnce()).toBe(1);
      expect(await storedStatusOf(id)).toEqual(['expired']);
      const after = await api.get(path);
      expect([after.headers.get('etag'), after.body]).toEqual(['"2"', before.body]);
      expect((await api.get(path, { 'if-none-match': '"2"' })).status).toBe(304);
      const tag = { 'if-none-match': availability.headers.get('etag')! };
      expect((await api.get(`/v1/events/${eventId}/availability`, tag)).status).toBe(304);
    });

    it('does not count against the limit of its customer; one that lives does', async () => {
      const { eventId, ticketTypeId } = await overdue(2, { maxTicketsPerCustomer: 3 });
      expect((await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 60 })).status).toBe(201);
      const refused = problemOf(await api.book(eventId, { [ticketTypeId]: 2 }));
      expect(refused).toEqual({ status: 409, code: 'customer-limit-exceeded', limit: 3, alreadyBooked: 2 });
      expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    });
  });

  describe('never blocks a sale, though no sweeper runs', () => {
    it('a booking that is short takes it back, with its line of history; one that is not short leaves it', async () => {
      const { eventId, ticketTypeId, id } = await overdue(4);
      expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
      expect(await storedStatusOf(id)).toEqual(['held']);
      const reply = await api.book(eventId, { [ticketTypeId]: 4 });
      expect([reply.status, reply.body.sequence]).toEqual([201, 4]);
      const [, expiry] = await historyOf(api, id);
      expect(expiry).toMatchObject({ sequence: 3, step: 'expire', from: 'held', to: 'expired', actor: 'system', reason: null });
      expect(await countsOf(api, eventId)).toEqual([[0, 5, 0]]);
      expect(problemOf(await api.book(eventId, { [ticketTypeId]: 1 }))).toMatchObject({ code: 'sold-out' });
    });

    it('but one that lives does, and what it says is left counts the others', async () => {
      const { eventId, ticketTypeId } = await overdue(2);
      await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 60 });
      const shortages = [{ ticketTypeId, requested: 4, available: 3 }];
      expect(problemOf(await api.book(eventId, { [ticketTypeId]: 4 }))).toMatchObject({ code: 'sold-out', shortages });
      expect((await api.book(eventId, { [ticketTypeId]: 3 })).status).toBe(201);
    });

    it('of several ticket types gives back all of them', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [2, 2]);
      const [first, second] = ticketTypeIds as [string, string];
      const { id } = (await api.book(eventId, { [first]: 2, [second]: 2 }, { holdSeconds: 60 })).body;
      await makeOverdue(running.database, id);
      expect((await api.book(eventId, { [second]: 2 })).status).toBe(201);
      expect((await api.book(eventId, { [first]: 2 })).status).toBe(201);
      expect(await countsOf(api, eventId)).toEqual([
        [0, 2, 0],
        [0, 2, 0],
      ]);
    });

    it('also in its thousands: 2000 tickets of 20 ticket types cost 2000 one-ticket holds', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(
        api,
        Array.from({ length: 20 }, () => 100),
      );
      for (const id of ticketTypeIds) await insertOverdueHolds(running.database, eventId, id, 100);
      const everything = Object.fromEntries(ticketTypeIds.map((id) => [id, 100]));
      expect((await api.book(eventId, everything)).status).toBe(201);
      expect(await countsOf(api, eventId)).toEqual(ticketTypeIds.map(() => [0, 100, 0]));
      expect(problemOf(await api.book(eventId, { [ticketTypeIds[19]!]: 1 }))).toMatchObject({ code: 'sold-out' });
    });

    it('and costs a booking nothing that is short of another ticket type', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [1_000, 2]);
      const [many, few] = ticketTypeIds as [string, string];
      const others = await insertOverdueHolds(running.database, eventId, many, 1_000);
      const [wanted] = await insertOverdueHolds(running.database, eventId, few, 2);
      expect((await api.book(eventId, { [few]: 2 })).status).toBe(201);
      expect(problemOf(await api.book(eventId, { [few]: 1 }))).toMatchObject({ code: 'sold-out' });
      expect(await storedStatusOf(wanted!)).toEqual(['expired']);
      expect(new Set(await storedStatusOf(...others))).toEqual(new Set(['held']));
    });

    it('nor the cancellation of its event, which leaves it expired', async () => {
      const { eventId, ticketTypeId, id: late } = await hold(1, { capacity: 10 });
      const book = async (holdSeconds?: number): Promise<string> =>
        (await api.book(eventId, { [ticketTypeId]: 2 }, holdSeconds ? { holdSeconds } : {})).body.id;
      const [live, sold] = [await book(60), await book()];
      await makeOverdue(running.database, late);
      expect((await api.post(`/v1/events/${eventId}/cancel`)).status).toBe(200);
      expect(await storedStatusOf(late, live, sold)).toEqual(['expired', 'cancelled', 'cancelled']);
      expect(await stepsOf(api, late)).toEqual(['hold', 'expire']);
      expect((await historyOf(api, live)).at(-1)).toMatchObject({ from: 'held', to: 'cancelled', reason: 'event-cancelled' });
      expect(await countsOf(api, eventId)).toEqual([[0, 0, 10]]);
    });
  });

  describe('is stored as expired by the sweeper', () => {
    it('with a line of history, and the tickets no longer counted as held', async () => {
      const { eventId, ticketTypeId, id } = await overdue();
      const live = (await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 })).body;
      expect(await sweeperOf(running).runOnce()).toBe(1);
      expect(await storedStatusOf(id, live.id)).toEqual(['expired', 'held']);
      expect((await historyOf(api, id)).at(-1)).toMatchObject({ sequence: 3, step: 'expire', actor: 'system' });
      const stored = await running.database.sql('select held, sold from ticket_types where id = $1', [ticketTypeId]);
      expect(stored).toEqual([{ held: 1, sold: 0 }]);
      expect(await sweeperOf(running).runOnce()).toBe(0);
    });

    it('on two instances at once: each hold once', async () => {
      const events = await Promise.all([1, 2, 3].map(() => eventOnSale(api, [400])));
      const ids: string[] = [];
      for (const { eventId, ticketTypeId } of events) {
        ids.push(...(await insertOverdueHolds(running.database, eventId, ticketTypeId, 400)));
      }
      let expired = 0;
      // Each leaves alone what the other has locked, so one round need not be enough.
      for (let round = 0; round < 20 && expired < ids.length; round++) {
        const [one, two] = await Promise.all([sweeperOf(running).runOnce(), sweeperOf(other).runOnce()]);
        expired += one + two;
      }
      expect(expired).toBe(ids.length);
      expect(new Set(await storedStatusOf(...ids))).toEqual(new Set(['expired']));
      for (const { eventId } of events) expect(await countsOf(api, eventId)).toEqual([[0, 0, 400]]);
    });

    it('500 of an event at most in one run', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [700]);
      await insertOverdueHolds(running.database, eventId, ticketTypeId, 700);
      expect([await sweeperOf(running).runOnce(), await sweeperOf(running).runOnce()]).toEqual([500, 200]);
    });

    it('but not while somebody has the lock of its event, whom it does not wait for', async () => {
      const [busy, free] = [await overdue(), await overdue()];
      const lock = await holdEventLock(running.database, busy.eventId);
      try {
        expect(await sweeperOf(running).runOnce()).toBe(1);
        expect([...(await storedStatusOf(busy.id)), ...(await storedStatusOf(free.id))]).toEqual(['held', 'expired']);
      } finally {
        await lock.release();
      }
      expect(await sweeperOf(running).runOnce()).toBe(1);
      expect(await storedStatusOf(busy.id)).toEqual(['expired']);
    });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
