import { ADMIN } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { insertOrders, makeExpired, makeHeld } from '../support/orders.js';
import { walk } from '../support/pages.js';
import { problemOf } from '../support/problems.js';

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';
const TIME = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);

describe('orders', () => {
  let running: TestApp;
  let api: ApiClient;

  const countsOf = async (eventId: string): Promise<object[]> =>
    (await api.get(`/v1/events/${eventId}/availability`)).body.ticketTypes.map(({ held, sold, available }: any) => ({
      held,
      sold,
      available,
    }));

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  describe('reading', () => {
    it('carries its version as ETag; If-None-Match gives 304', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const path = `/v1/orders/${(await api.book(eventId, { [ticketTypeId]: 1 })).body.id}`;
      expect((await api.get(path)).headers.get('etag')).toBe('"1"');
      expect((await api.get(path, { 'if-none-match': 'W/"1"' })).status).toBe(304);
      await api.post(`${path}/cancel`);
      const reply = await api.get(path, { 'if-none-match': '"1"' });
      expect([reply.status, reply.headers.get('etag')]).toEqual([200, '"2"']);
    });

    it('of an unknown id: order-not-found', async () => {
      const missing = { status: 404, code: 'order-not-found' };
      expect(problemOf(await api.get(`/v1/orders/${UNKNOWN}`))).toEqual(missing);
      expect(problemOf(await api.get(`/v1/orders/${UNKNOWN}/history`))).toEqual(missing);
      expect(problemOf(await api.post(`/v1/orders/${UNKNOWN}/cancel`))).toEqual(missing);
    });
  });

  describe('the list', () => {
    it.each([1, 2, 3, 10, 24, 25, 26, 200])('newest first, each once, none missing, in pages of %d', async (limit) => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      // Written by one statement, so that all have the same time.
      const together = await insertOrders(running.database, eventId, ticketTypeId, 20);
      const later: string[] = [];
      for (let count = 0; count < 5; count++) later.push((await api.book(eventId, { [ticketTypeId]: 1 })).body.id);
      const items = await walk<{ id: string }>(api, `/v1/orders?eventId=${eventId}`, limit);
      expect(items.map(({ id }) => id)).toEqual([...later.toReversed(), ...together.toReversed()]);
    });

    it('keeps its place when orders are booked between two pages', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const ids: string[] = [];
      const book = async () => ids.push((await api.book(eventId, { [ticketTypeId]: 1 })).body.id);
      for (let count = 0; count < 4; count++) await book();
      const first = await api.get(`/v1/orders?eventId=${eventId}&limit=2`);
      await book();
      const second = await api.get(`/v1/orders?eventId=${eventId}&limit=2&cursor=${first.body.nextCursor}`);
      expect(second.body.items.map(({ id }: any) => id)).toEqual([ids[1], ids[0]]);
      expect(second.body.nextCursor).toBeNull();
    });

    it('filters by event, status and e-mail, alone and together', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const other = await eventOnSale(api);
      const book = async (event: { eventId: string; ticketTypeId: string }, email: string): Promise<string> =>
        (await api.book(event.eventId, { [event.ticketTypeId]: 1 }, { email })).body.id;
      const grace = await book({ eventId, ticketTypeId }, 'Grace@Example.com');
      const cancelled = await book({ eventId, ticketTypeId }, 'grace@example.com');
      const elsewhere = await book(other, 'grace@example.com');
      const linus = await book({ eventId, ticketTypeId }, 'linus@example.com');
      await api.post(`/v1/orders/${cancelled}/cancel`);
      const ids = async (query: string) => (await walk<{ id: string }>(api, `/v1/orders?${query}`, 2)).map(({ id }) => id);
      expect(await ids(`eventId=${eventId.toUpperCase()}`)).toEqual([linus, cancelled, grace]);
      expect(await ids('email=%20GRACE@example.com')).toEqual([elsewhere, cancelled, grace]);
      expect(await ids(`eventId=${eventId}&status=confirmed`)).toEqual([linus, grace]);
      expect(await ids(`eventId=${eventId}&status=cancelled`)).toEqual([cancelled]);
      expect(await ids(`eventId=${eventId}&status=held`)).toEqual([]);
      expect(await ids('email=grace@example.com&status=confirmed')).toEqual([elsewhere, grace]);
      expect(await ids(`email=grace@example.com&eventId=${eventId}&status=confirmed`)).toEqual([grace]);
      expect(await ids(`eventId=${UNKNOWN}`)).toEqual([]);
    });

    it('shows each order as it is when read alone', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [5, 5, 5]);
      const order = await api.book(eventId, Object.fromEntries(ticketTypeIds.toReversed().map((id) => [id, 2])));
      const { headers, body } = await api.get(`/v1/orders?eventId=${eventId}`);
      expect(body).toEqual({ items: [order.body], nextCursor: null });
      expect(headers.get('etag')).toBeNull();
    });
  });

  describe('the history', () => {
    it('has each transition, oldest first, numbered within the event', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const order = (await api.book(eventId, { [ticketTypeId]: 1 })).body;
      await api.book(eventId, { [ticketTypeId]: 1 });
      const cancelled = (await api.post(`/v1/orders/${order.id}/cancel`, { reason: 'ill' })).body;
      const booked = {
        sequence: 1,
        step: 'book',
        from: null,
        to: 'confirmed',
        at: order.createdAt,
        actor: ADMIN.caller,
        reason: null,
      };
      const given = {
        sequence: 3,
        step: 'cancel',
        from: 'confirmed',
        to: 'cancelled',
        at: cancelled.cancelledAt,
        actor: ADMIN.caller,
        reason: 'ill',
      };
      const path = `/v1/orders/${order.id}/history`;
      expect((await api.get(path)).body).toEqual({ items: [booked, given], nextCursor: null });
      for (const limit of [1, 2, 3]) expect(await walk(api, path, limit)).toEqual([booked, given]);
    });
  });

  describe('cancelling', () => {
    it('gives the tickets back in the same commit and says when and why', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [3, 2]);
      const [first, second] = ticketTypeIds as [string, string];
      const order = (await api.book(eventId, { [first]: 3, [second]: 1 })).body;
      const { status, headers, body } = await api.post(`/v1/orders/${order.id}/cancel`, { reason: 'customer-request' });
      expect([status, headers.get('etag'), headers.get('location')]).toEqual([200, '"2"', null]);
      expect(body).toEqual({
        ...order,
        status: 'cancelled',
        cancelledAt: TIME,
        cancelReason: 'customer-request',
        version: 2,
        updatedAt: body.cancelledAt,
      });
      expect(await countsOf(eventId)).toEqual([
        { held: 0, sold: 0, available: 3 },
        { held: 0, sold: 0, available: 2 },
      ]);
      expect((await api.book(eventId, { [first]: 3, [second]: 2 })).status).toBe(201);
    });

    it.each([undefined, {}, { reason: null }])('needs no reason (%j)', async (body) => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const order = (await api.book(eventId, { [ticketTypeId]: 1 })).body;
      const reply = await api.post(`/v1/orders/${order.id}/cancel`, body);
      expect([reply.status, reply.body.cancelReason]).toEqual([200, null]);
    });

    it('again: the same answer, and nothing is given back twice', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
      await api.book(eventId, { [ticketTypeId]: 2 });
      const order = (await api.book(eventId, { [ticketTypeId]: 2 })).body;
      const first = await api.post(`/v1/orders/${order.id}/cancel`, { reason: 'first' });
      const again = await api.post(`/v1/orders/${order.id}/cancel`, { reason: 'second' });
      expect([again.status, again.headers.get('etag'), again.body]).toEqual([200, '"2"', first.body]);
      expect(await countsOf(eventId)).toEqual([{ held: 0, sold: 2, available: 3 }]);
    });

    it('20 times at once: one cancellation', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
      await api.book(eventId, { [ticketTypeId]: 2 });
      const order = (await api.book(eventId, { [ticketTypeId]: 2 })).body;
      const cancel = () => api.post(`/v1/orders/${order.id}/cancel`);
      const [first, ...others] = await Promise.all(Array.from({ length: 20 }, cancel));
      for (const reply of others) expect([reply.status, reply.body]).toEqual([200, first!.body]);
      expect(await countsOf(eventId)).toEqual([{ held: 0, sold: 2, available: 3 }]);
    });

    it('a held order gives back what it held', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
      const order = (await api.book(eventId, { [ticketTypeId]: 2 })).body;
      await makeHeld(running.database, order.id);
      expect(await countsOf(eventId)).toEqual([{ held: 2, sold: 0, available: 3 }]);
      expect((await api.post(`/v1/orders/${order.id}/cancel`)).body.status).toBe('cancelled');
      expect(await countsOf(eventId)).toEqual([{ held: 0, sold: 0, available: 5 }]);
    });

    it('an expired order has nothing to give back: order-not-cancellable', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
      const order = (await api.book(eventId, { [ticketTypeId]: 2 })).body;
      await makeHeld(running.database, order.id);
      await makeExpired(running.database, order.id);
      const refused = { status: 409, code: 'order-not-cancellable', orderStatus: 'expired' };
      expect(problemOf(await api.post(`/v1/orders/${order.id}/cancel`))).toEqual(refused);
      expect(await countsOf(eventId)).toEqual([{ held: 0, sold: 0, available: 5 }]);
    });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
