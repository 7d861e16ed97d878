import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { createEvent, createTicketType, eventOnSale, inDays, ticketTypeBody } from '../support/factories.js';
import { walk } from '../support/pages.js';
import { pointersOf, problemOf } from '../support/problems.js';

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';
const TIME = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const ANY = { 'if-match': '*' };

describe('ticket types', () => {
  let running: TestApp;
  let api: ApiClient;

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  describe('creating and reading', () => {
    it('answers member by member, with address and version', async () => {
      const eventId = await createEvent(api);
      const given = {
        name: 'Balcony',
        description: 'Seated.',
        price: { amount: 9_007_199_254_740_991, currency: 'EUR' },
        capacity: 10_000_000,
        salesOpenAt: '2031-01-01T00:00:00.000Z',
        salesCloseAt: '2031-02-01T00:00:00.000Z',
        minPerOrder: 2,
        maxPerOrder: 8,
      };
      const { status, headers, body } = await api.post(`/v1/events/${eventId}/ticket-types`, given);
      expect(status).toBe(201);
      expect(body).toEqual({
        ...given,
        id: expect.any(String),
        eventId,
        version: 1,
        createdAt: TIME,
        updatedAt: body.createdAt,
      });
      expect(headers.get('location')).toBe(`/v1/events/${eventId}/ticket-types/${body.id}`);
      expect(headers.get('etag')).toBe('"1"');
      expect((await api.get(headers.get('location')!)).body).toEqual(body);
      expect((await api.get(headers.get('location')!, { 'if-none-match': '"1"' })).status).toBe(304);
      expect((await api.get(`/v1/events/${eventId}`)).body.ticketTypes).toEqual([body]);
    });

    it('defaults: no window, 1 to 100 per order; free tickets and none to sell are allowed', async () => {
      const body = { name: 'Free', price: { amount: 0, currency: 'EUR' }, capacity: 0 };
      const reply = await api.post(`/v1/events/${await createEvent(api)}/ticket-types`, body);
      expect(reply.body).toMatchObject({
        ...body,
        description: null,
        salesOpenAt: null,
        salesCloseAt: null,
        minPerOrder: 1,
        maxPerOrder: 100,
      });
    });

    it.each([
      ['/price/currency', { price: { amount: 1, currency: 'USD' } }],
      ['/salesCloseAt', { salesOpenAt: '2031-01-01T00:00:00Z', salesCloseAt: '2031-01-01T00:00:00Z' }],
      ['/minPerOrder', { minPerOrder: 3, maxPerOrder: 2 }],
    ])('refuses at %s', async (pointer, overrides) => {
      const path = `/v1/events/${await createEvent(api)}/ticket-types`;
      expect(pointersOf(await api.post(path, ticketTypeBody(overrides)))).toEqual([pointer]);
      expect((await api.get(path)).body.items).toEqual([]);
    });

    it('belongs to its event: elsewhere it is not found', async () => {
      const eventId = await createEvent(api);
      const other = await createTicketType(api, await createEvent(api));
      const missing = { status: 404, code: 'ticket-type-not-found' };
      for (const id of [other, UNKNOWN]) {
        const path = `/v1/events/${eventId}/ticket-types/${id}`;
        expect(problemOf(await api.get(path))).toEqual(missing);
        expect(problemOf(await api.patch(path, { name: 'x' }, ANY))).toEqual(missing);
        expect(problemOf(await api.send('DELETE', path))).toEqual(missing);
      }
    });

    it('of an unknown event: event-not-found', async () => {
      const path = `/v1/events/${UNKNOWN}/ticket-types`;
      const replies = [
        api.get(path),
        api.post(path, ticketTypeBody()),
        api.get(`${path}/${UNKNOWN}`),
        api.patch(`${path}/${UNKNOWN}`, { name: 'x' }, ANY),
        api.send('DELETE', `${path}/${UNKNOWN}`),
        api.get(`/v1/events/${UNKNOWN}/availability`),
      ];
      for (const reply of replies) expect(problemOf(await reply)).toEqual({ status: 404, code: 'event-not-found' });
    });

    it('lists them in the order of creation, in pages of any size; an event has at most 100', async () => {
      const eventId = await createEvent(api);
      const ids: string[] = [];
      for (let index = 0; index < 100; index++) ids.push(await createTicketType(api, eventId, { name: `T ${index}` }));
      const path = `/v1/events/${eventId}/ticket-types`;
      for (const limit of [1, 7, 99, 100, 101]) {
        const items = await walk<{ id: string }>(api, path, limit);
        expect(items.map(({ id }) => id)).toEqual(ids);
      }
      expect(problemOf(await api.post(path, ticketTypeBody()))).toEqual({
        status: 409,
        code: 'too-many-ticket-types',
        limit: 100,
      });
    });
  });

  describe('changing', () => {
    it('sets what is given, clears what is null, leaves the rest', async () => {
      const eventId = await createEvent(api);
      const path = `/v1/events/${eventId}/ticket-types`;
      const before = (await api.post(path, ticketTypeBody({ description: 'Old', salesOpenAt: inDays(1) }))).body;
      const change = { description: null, price: { amount: 1, currency: 'EUR' }, capacity: 7 };
      const reply = await api.patch(`${path}/${before.id}`, change, { 'if-match': '"1"' });
      expect(reply.status).toBe(200);
      expect(reply.headers.get('etag')).toBe('"2"');
      expect(reply.body).toEqual({ ...before, ...change, version: 2, updatedAt: TIME });
      expect((await api.get(`${path}/${before.id}`)).body).toEqual(reply.body);
    });

    it('428 without If-Match, 412 when it is stale or weak', async () => {
      const eventId = await createEvent(api);
      const path = `/v1/events/${eventId}/ticket-types/${await createTicketType(api, eventId)}`;
      expect(problemOf(await api.patch(path, { capacity: 1 }))).toEqual({ status: 428, code: 'precondition-required' });
      for (const tags of ['"2"', 'W/"1"']) {
        const reply = await api.patch(path, { capacity: 1 }, { 'if-match': tags });
        expect(problemOf(reply)).toEqual({ status: 412, code: 'stale-version', currentVersion: 1 });
        const deletion = await api.send('DELETE', path, undefined, { 'if-match': tags });
        expect(problemOf(deletion)).toEqual({ status: 412, code: 'stale-version', currentVersion: 1 });
      }
      expect((await api.get(path)).body).toMatchObject({ capacity: 100, version: 1 });
    });

    it('refuses a foreign currency and ranges that become empty', async () => {
      const eventId = await createEvent(api);
      const id = await createTicketType(api, eventId, { maxPerOrder: 5, salesOpenAt: inDays(2) });
      const change = (body: object) => api.patch(`/v1/events/${eventId}/ticket-types/${id}`, body, ANY);
      expect(pointersOf(await change({ price: { amount: 1, currency: 'CHF' } }))).toEqual(['/price/currency']);
      expect(pointersOf(await change({ minPerOrder: 6 }))).toEqual(['/minPerOrder']);
      expect(pointersOf(await change({ salesCloseAt: inDays(1) }))).toEqual(['/salesCloseAt']);
      expect(pointersOf(await change({ capacity: null }))).toContain('/capacity');
    });

    it('never lowers the capacity under what is committed', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
      await api.book(eventId, { [ticketTypeId]: 4 });
      const capacity = (value: number) =>
        api.patch(`/v1/events/${eventId}/ticket-types/${ticketTypeId}`, { capacity: value }, ANY);
      expect(problemOf(await capacity(3))).toEqual({ status: 409, code: 'capacity-below-committed', committed: 4 });
      expect((await capacity(4)).body.capacity).toBe(4);
      expect(problemOf(await api.book(eventId, { [ticketTypeId]: 1 })).code).toBe('sold-out');
      expect((await capacity(5)).body.capacity).toBe(5);
      expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    });

    it('leaves name and price of orders that exist', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const order = (await api.book(eventId, { [ticketTypeId]: 2 })).body;
      const change = { name: 'Renamed', price: { amount: 1, currency: 'EUR' } };
      await api.patch(`/v1/events/${eventId}/ticket-types/${ticketTypeId}`, change, ANY);
      expect((await api.get(`/v1/orders/${order.id}`)).body).toEqual(order);
      const next = (await api.book(eventId, { [ticketTypeId]: 2 })).body;
      expect(next).toMatchObject({ items: [{ name: 'Renamed' }], total: { amount: 2, currency: 'EUR' } });
    });
  });

  describe('deleting', () => {
    it('only while nothing was ever ordered, also when the order is cancelled again', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [5, 5]);
      const [ordered, unused] = ticketTypeIds as [string, string];
      const path = (id: string) => `/v1/events/${eventId}/ticket-types/${id}`;
      const order = await api.book(eventId, { [ordered]: 1 });
      const inUse = { status: 409, code: 'ticket-type-in-use' };
      expect(problemOf(await api.send('DELETE', path(ordered)))).toEqual(inUse);
      await api.post(`/v1/orders/${order.body.id}/cancel`);
      expect(problemOf(await api.send('DELETE', path(ordered)))).toEqual(inUse);
      const deleted = await api.send('DELETE', path(unused), undefined, { 'if-match': '"1"' });
      expect([deleted.status, deleted.body]).toEqual([204, undefined]);
      expect(problemOf(await api.send('DELETE', path(unused))).code).toBe('ticket-type-not-found');
      expect((await api.get(`/v1/events/${eventId}`)).body.ticketTypes).toHaveLength(1);
    });
  });

  describe('availability', () => {
    it('capacity = held + sold + available, of one moment, in the order of creation', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [10, 0]);
      const [first, second] = ticketTypeIds as [string, string];
      await api.book(eventId, { [first]: 3 });
      const order = await api.book(eventId, { [first]: 2 });
      await api.post(`/v1/orders/${order.body.id}/cancel`);
      const { status, headers, body } = await api.get(`/v1/events/${eventId}/availability`);
      expect([status, headers.get('cache-control')]).toEqual([200, 'no-cache']);
      const shown = { held: 0, onSale: true };
      expect(body).toEqual({
        eventId,
        asOf: TIME,
        ticketTypes: [
          { ticketTypeId: first, name: 'Type 1', capacity: 10, sold: 3, available: 7, ...shown },
          { ticketTypeId: second, name: 'Type 2', capacity: 0, sold: 0, available: 0, ...shown },
        ],
      });
    });

    it.each([
      [true, {}, {}],
      [true, { salesOpenAt: inDays(-1), salesCloseAt: inDays(1) }, { salesOpenAt: inDays(-1), salesCloseAt: inDays(1) }],
      [false, { salesOpenAt: inDays(1) }, {}],
      [false, { salesCloseAt: inDays(-1) }, {}],
      [false, { startsAt: inDays(-1) }, {}],
      [false, {}, { salesOpenAt: inDays(1) }],
      [false, {}, { salesCloseAt: inDays(-1) }],
    ])('onSale is %s for event %j and ticket type %j; never as a draft or when cancelled', async (onSale, ofEvent, ofType) => {
      const eventId = await createEvent(api, ofEvent);
      await createTicketType(api, eventId, ofType);
      const shown = async () => (await api.get(`/v1/events/${eventId}/availability`)).body.ticketTypes[0].onSale;
      expect(await shown()).toBe(false);
      await api.post(`/v1/events/${eventId}/publish`);
      expect(await shown()).toBe(onSale);
      await api.post(`/v1/events/${eventId}/cancel`);
      expect(await shown()).toBe(false);
    });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
