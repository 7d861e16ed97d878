import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient, Reply } from '../support/client.js';
import { createEvent, createTicketType, eventOnSale, inDays } from '../support/factories.js';
import { pointersOf, problemOf } from '../support/problems.js';

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';
const TIME = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const UUID_V7 = expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
const MAX_AMOUNT = 9_007_199_254_740_991;

describe('booking', () => {
  let running: TestApp;
  let api: ApiClient;

  const availableOf = async (eventId: string): Promise<number[]> =>
    (await api.get(`/v1/events/${eventId}/availability`)).body.ticketTypes.map((type: any) => type.available);

  const post = (eventId: string, body: object): Promise<Reply> =>
    api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': randomUUID() });

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  describe('accepted', () => {
    it('answers the confirmed order, member by member, with its address and version', async () => {
      const eventId = await createEvent(api);
      const standard = await createTicketType(api, eventId, { name: 'Standard' });
      const vip = await createTicketType(api, eventId, { name: 'VIP', price: { amount: 15_000, currency: 'EUR' } });
      await api.post(`/v1/events/${eventId}/publish`);
      const { status, headers, body } = await post(eventId, {
        items: [
          { ticketTypeId: vip.toUpperCase(), quantity: 1 },
          { ticketTypeId: standard, quantity: 2 },
        ],
        customer: { email: '  Ada@Example.com ', name: 'Ada' },
        metadata: { channel: 'web', '1': 'one' },
      });
      expect(status).toBe(201);
      expect(body).toEqual({
        id: UUID_V7,
        eventId,
        sequence: 1,
        status: 'confirmed',
        items: [
          {
            ticketTypeId: vip,
            name: 'VIP',
            quantity: 1,
            unitPrice: { amount: 15_000, currency: 'EUR' },
            subtotal: { amount: 15_000, currency: 'EUR' },
          },
          {
            ticketTypeId: standard,
            name: 'Standard',
            quantity: 2,
            unitPrice: { amount: 4_500, currency: 'EUR' },
            subtotal: { amount: 9_000, currency: 'EUR' },
          },
        ],
        subtotal: { amount: 24000, currency: 'EUR' },
        adjustments: [],
        total: { amount: 24_000, currency: 'EUR' },
        customer: { email: 'Ada@Example.com', name: 'Ada' },
        metadata: { channel: 'web', '1': 'one' },
        expiresAt: null,
        confirmedAt: TIME,
        paymentReference: null,
        cancelledAt: null,
        cancelReason: null,
        version: 1,
        createdAt: body.confirmedAt,
        updatedAt: body.confirmedAt,
      });
      expect(headers.get('location')).toBe(`/v1/orders/${body.id}`);
      expect(headers.get('etag')).toBe('"1"');
      expect(headers.get('idempotent-replayed')).toBeNull();
      expect((await api.get(headers.get('location')!)).body).toEqual(body);
    });

    it('without name and metadata they are null and empty', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const { body } = await post(eventId, { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'a@example.com' } });
      expect(body).toMatchObject({ customer: { email: 'a@example.com', name: null }, metadata: {} });
    });

    it('numbers the bookings of an event in the order in which it allocates', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const sequences: number[] = [];
      for (let count = 0; count < 3; count++) sequences.push((await api.book(eventId, { [ticketTypeId]: 1 })).body.sequence);
      expect(sequences).toEqual([1, 2, 3]);
    });

    it('up to the last ticket, the largest quantity and the largest amount', async () => {
      const eventId = await createEvent(api);
      const dear = await createTicketType(api, eventId, { price: { amount: MAX_AMOUNT, currency: 'EUR' }, capacity: 1 });
      const free = await createTicketType(api, eventId, { price: { amount: 0, currency: 'EUR' }, capacity: 100 });
      await api.post(`/v1/events/${eventId}/publish`);
      const { status, body } = await api.book(eventId, { [dear]: 1, [free]: 100 });
      expect([status, body.total.amount]).toEqual([201, MAX_AMOUNT]);
      expect((await api.get(`/v1/orders/${body.id}`)).body).toEqual(body);
      expect(await availableOf(eventId)).toEqual([0, 0]);
    });

    it('20 ticket types at once', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(
        api,
        Array.from({ length: 20 }, () => 1),
      );
      const { status, body } = await api.book(eventId, Object.fromEntries(ticketTypeIds.map((id) => [id, 1])));
      expect([status, body.items.map((item: any) => item.ticketTypeId)]).toEqual([201, ticketTypeIds]);
    });
  });

  describe('refused, without a trace', () => {
    it('sold-out names every ticket type that is short, and books none of the others', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [5, 10, 0, 1]);
      const [few, many, none, one] = ticketTypeIds as [string, string, string, string];
      await api.book(eventId, { [few]: 3 });
      expect(problemOf(await api.book(eventId, { [few]: 3, [many]: 10, [none]: 1, [one]: 1 }))).toEqual({
        status: 409,
        code: 'sold-out',
        shortages: [
          { ticketTypeId: few, requested: 3, available: 2 },
          { ticketTypeId: none, requested: 1, available: 0 },
        ],
      });
      expect(await availableOf(eventId)).toEqual([2, 10, 0, 1]);
      expect((await api.book(eventId, { [few]: 2 })).body.sequence).toBe(2);
    });

    it.each([
      ['before-sales-open', { salesOpenAt: inDays(1) }],
      ['after-sales-close', { salesOpenAt: inDays(-2), salesCloseAt: inDays(-1) }],
      ['event-started', { startsAt: inDays(-1) }],
    ])('event-not-on-sale: %s', async (reason, window) => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [1], window);
      const reply = await api.book(eventId, { [ticketTypeId]: 1 });
      expect(problemOf(reply)).toEqual({ status: 409, code: 'event-not-on-sale', reason });
    });

    it.each(['draft', 'cancelled'])('event-not-on-sale: %s', async (reason) => {
      const eventId = await createEvent(api);
      const ticketTypeId = await createTicketType(api, eventId);
      if (reason === 'cancelled') await api.post(`/v1/events/${eventId}/cancel`);
      const reply = await api.book(eventId, { [ticketTypeId]: 1 });
      expect(problemOf(reply)).toEqual({ status: 409, code: 'event-not-on-sale', reason });
    });

    it.each([
      ['before-sales-open', { salesOpenAt: inDays(1) }],
      ['after-sales-close', { salesCloseAt: inDays(-1) }],
    ])('event-not-on-sale: a ticket type of its own window, %s', async (reason, window) => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
      const closed = await createTicketType(api, eventId, window);
      const reply = await api.book(eventId, { [ticketTypeId]: 1, [closed]: 1 });
      expect(problemOf(reply)).toEqual({ status: 409, code: 'event-not-on-sale', reason, ticketTypeId: closed });
      expect((await availableOf(eventId))[0]).toBe(5);
    });

    it.each([1, 5])('quantity-out-of-range: %d of 2 to 4 per order', async (quantity) => {
      const { eventId } = await eventOnSale(api, []);
      const ticketTypeId = await createTicketType(api, eventId, { minPerOrder: 2, maxPerOrder: 4 });
      expect(problemOf(await api.book(eventId, { [ticketTypeId]: quantity }))).toEqual({
        status: 422,
        code: 'quantity-out-of-range',
        ticketTypeId,
        minPerOrder: 2,
        maxPerOrder: 4,
      });
      expect((await api.book(eventId, { [ticketTypeId]: 2 })).status).toBe(201);
      expect((await api.book(eventId, { [ticketTypeId]: 4 })).status).toBe(201);
    });

    it('a total over 2^53 - 1: validation-failed', async () => {
      const eventId = await createEvent(api);
      const half = await createTicketType(api, eventId, { price: { amount: (MAX_AMOUNT + 1) / 2, currency: 'EUR' } });
      const cent = await createTicketType(api, eventId, { price: { amount: MAX_AMOUNT, currency: 'EUR' } });
      await api.post(`/v1/events/${eventId}/publish`);
      for (const items of [{ [half]: 2 }, { [cent]: 1, [half]: 1 }, { [cent]: 100 }]) {
        const reply = await api.book(eventId, items);
        expect(problemOf(reply)).toMatchObject({ status: 400, code: 'validation-failed' });
        expect(pointersOf(reply)).toEqual(['/items']);
      }
      expect(await availableOf(eventId)).toEqual([100, 100]);
    });

    it('an unknown event, an unknown ticket type, one of another event: 404', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
      const other = await eventOnSale(api, [5]);
      expect(problemOf(await api.book(UNKNOWN, { [ticketTypeId]: 1 }))).toEqual({ status: 404, code: 'event-not-found' });
      for (const id of [UNKNOWN, other.ticketTypeId]) {
        const reply = await api.book(eventId, { [ticketTypeId]: 1, [id]: 1 });
        expect(problemOf(reply)).toEqual({ status: 404, code: 'ticket-type-not-found' });
      }
      expect([await availableOf(eventId), await availableOf(other.eventId)]).toEqual([[5], [5]]);
    });

    it('a ticket type twice, in any case of its id: validation-failed', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const items = [ticketTypeId, ticketTypeId.toUpperCase()].map((id) => ({ ticketTypeId: id, quantity: 1 }));
      const reply = await post(eventId, { items, customer: { email: 'a@example.com' } });
      expect([problemOf(reply).code, pointersOf(reply)]).toEqual(['validation-failed', ['/items']]);
    });
  });

  describe('the limit per customer', () => {
    it('counts live orders; the e-mail is trimmed and case-folded', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [50, 50], { maxTicketsPerCustomer: 4 });
      const [first, second] = ticketTypeIds as [string, string];
      const book = (items: Record<string, number>, email: string) => api.book(eventId, items, { email });
      const order = await book({ [first]: 1, [second]: 2 }, 'Ada@Example.com');
      expect(order.status).toBe(201);
      const exceeded = { status: 409, code: 'customer-limit-exceeded', limit: 4, alreadyBooked: 3 };
      expect(problemOf(await book({ [first]: 2 }, ' ada@EXAMPLE.com\t'))).toEqual(exceeded);
      expect(problemOf(await book({ [first]: 1, [second]: 1 }, 'ada@example.com'))).toEqual(exceeded);
      expect((await book({ [first]: 4 }, 'bob@example.com')).status).toBe(201);
      expect((await book({ [first]: 1 }, 'ADA@example.com')).status).toBe(201);
      await api.post(`/v1/orders/${order.body.id}/cancel`);
      expect((await book({ [first]: 3 }, 'ada@example.com')).status).toBe(201);
    });

    it('holds for many bookings of one customer at once', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [50], { maxTicketsPerCustomer: 3 });
      const replies = await Promise.all(Array.from({ length: 10 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
      expect(replies.filter(({ status }) => status === 201)).toHaveLength(3);
      const refused = replies.filter(({ status }) => status !== 201).map(problemOf);
      expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['customer-limit-exceeded']));
      expect(await availableOf(eventId)).toEqual([47]);
    });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
