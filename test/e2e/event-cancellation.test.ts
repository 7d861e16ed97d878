import { FinishEventCancellationsJob } from '../../src/modules/booking/finish-event-cancellations.job.js';
import { ADMIN } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { stopJobs } from '../support/jobs.js';
import { insertOrders, makeHeld } from '../support/orders.js';
import { walk } from '../support/pages.js';
import { problemOf } from '../support/problems.js';

interface Order {
  id: string;
  status: string;
  cancelReason: string | null;
}

describe('the cancellation of an event', () => {
  let running: TestApp;
  let api: ApiClient;

  const ordersOf = (eventId: string, query = '') => walk<Order>(api, `/v1/orders?eventId=${eventId}${query}`, 200);
  const actorOf = async (orderId: string): Promise<string> =>
    (await api.get(`/v1/orders/${orderId}/history`)).body.items[1].actor;
  const availabilityOf = async (eventId: string) => (await api.get(`/v1/events/${eventId}/availability`)).body.ticketTypes;

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
    await stopJobs(running, FinishEventCancellationsJob);
  });
  afterAll(() => running.close());

  it('cancels its held and confirmed orders with the reason event-cancelled, and leaves the others as they are', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
    const book = async (): Promise<string> => (await api.book(eventId, { [ticketTypeId]: 2 })).body.id;
    const [held, confirmed, cancelled] = [await book(), await book(), await book()];
    await makeHeld(running.database, held);
    const before = (await api.post(`/v1/orders/${cancelled}/cancel`, { reason: 'ill' })).body;
    const other = await eventOnSale(api, [10]);
    const elsewhere = (await api.book(other.eventId, { [other.ticketTypeId]: 1 })).body;

    expect((await api.post(`/v1/events/${eventId}/cancel`)).body.status).toBe('cancelled');

    expect(await ordersOf(eventId)).toMatchObject([
      { id: cancelled, cancelReason: 'ill' },
      { id: confirmed, status: 'cancelled', cancelReason: 'event-cancelled', version: 2 },
      { id: held, status: 'cancelled', cancelReason: 'event-cancelled', version: 2 },
    ]);
    expect((await api.get(`/v1/orders/${cancelled}`)).body).toEqual(before);
    expect((await api.get(`/v1/orders/${elsewhere.id}`)).body).toEqual(elsewhere);
    const lines = (await api.get(`/v1/orders/${held}/history`)).body.items;
    expect(lines.at(-1)).toMatchObject({ sequence: 5, from: 'held', to: 'cancelled', reason: 'event-cancelled' });
    expect(await availabilityOf(eventId)).toMatchObject([{ held: 0, sold: 0, available: 10, onSale: false }]);
    const reply = await api.book(eventId, { [ticketTypeId]: 1 });
    expect(problemOf(reply)).toEqual({ status: 409, code: 'event-not-on-sale', reason: 'cancelled' });
  });

  it.each([500, 1_201])('cancels all of %d orders, in the order in which they were booked', async (count) => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [2_000]);
    const ids = await insertOrders(running.database, eventId, ticketTypeId, count);
    expect((await api.post(`/v1/events/${eventId}/cancel`)).status).toBe(200);
    const orders = await ordersOf(eventId);
    expect(orders).toHaveLength(count);
    expect(orders.filter(({ cancelReason }) => cancelReason !== 'event-cancelled')).toEqual([]);
    const last = (await api.get(`/v1/orders/${ids.at(-1)}/history`)).body.items.at(-1);
    expect(last.sequence).toBe(2 * count);
    expect(await availabilityOf(eventId)).toMatchObject([{ sold: 0, available: 2_000 }]);
  });

  describe('interrupted after its first batch', () => {
    const interrupt = async (): Promise<{ eventId: string; ids: string[] }> => {
      const { database } = running;
      const { eventId, ticketTypeId } = await eventOnSale(api, [1_000]);
      const ids = await insertOrders(database, eventId, ticketTypeId, 700);
      await database.sql(
        `create or replace function fail() returns trigger language plpgsql as $$ begin raise exception 'injected'; end $$`,
      );
      await database.sql(
        `create trigger injected before update on orders for each row when (old.id = '${ids[600]}') execute function fail()`,
      );
      expect(problemOf(await api.post(`/v1/events/${eventId}/cancel`))).toEqual({ status: 500, code: 'internal-error' });
      await database.sql('drop trigger injected on orders');
      expect((await api.get(`/v1/events/${eventId}`)).body.status).toBe('cancelled');
      expect(await ordersOf(eventId, '&status=confirmed')).toHaveLength(200);
      expect(await availabilityOf(eventId)).toMatchObject([{ sold: 200, onSale: false }]);
      return { eventId, ids };
    };

    const expectFinished = async (eventId: string) => {
      const orders = await ordersOf(eventId);
      expect(orders.filter(({ cancelReason }) => cancelReason !== 'event-cancelled')).toEqual([]);
      expect(await availabilityOf(eventId)).toMatchObject([{ sold: 0, available: 1_000 }]);
    };

    it('is finished by the background job, which then has nothing left to do', async () => {
      const { eventId, ids } = await interrupt();
      const job = running.app.get(FinishEventCancellationsJob, { strict: false });
      expect(await job.runOnce()).toBe(1);
      await expectFinished(eventId);
      expect([await actorOf(ids[0]!), await actorOf(ids[699]!)]).toEqual([ADMIN.caller, 'system']);
      expect(await job.runOnce()).toBe(0);
    });

    it('is finished by a repeat of the request', async () => {
      const { eventId } = await interrupt();
      expect((await api.post(`/v1/events/${eventId}/cancel`)).status).toBe(200);
      await expectFinished(eventId);
    });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
