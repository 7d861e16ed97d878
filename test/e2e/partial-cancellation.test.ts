import { ADMIN } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { createEvent, createTicketType } from '../support/factories.js';
import { makeOverdue } from '../support/orders.js';
import { pointersOf, problemOf } from '../support/problems.js';
import { countsOf, historyOf, stepsOf } from '../support/reads.js';

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';

describe('partial cancellation', () => {
  let running: TestApp;
  let api: ApiClient;

  /** An order of three tickets at 45.00 and two at 12.50, of ten each. */
  const order = async (holdSeconds?: number) => {
    const eventId = await createEvent(api, { maxTicketsPerCustomer: 6 });
    const seat = await createTicketType(api, eventId, { name: 'Seat', capacity: 10 });
    const lawn = await createTicketType(api, eventId, { name: 'Lawn', capacity: 10, price: { amount: 1250, currency: 'EUR' } });
    await api.post(`/v1/events/${eventId}/publish`);
    const booked = (await api.book(eventId, { [seat]: 3, [lawn]: 2 }, holdSeconds ? { holdSeconds } : {})).body;
    const cancel = (items: Record<string, number>, more: object = {}, key?: string) =>
      api.post(
        `/v1/orders/${booked.id}/cancel`,
        { items: Object.entries(items).map(([ticketTypeId, quantity]) => ({ ticketTypeId, quantity })), ...more },
        key ? { 'idempotency-key': key } : {},
      );
    const read = async () => (await api.get(`/v1/orders/${booked.id}`)).body;
    return { eventId, seat, lawn, booked, id: booked.id as string, cancel, read };
  };
  const money = (amount: number) => ({ amount, currency: 'EUR' });

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  describe.each([
    ['confirmed', undefined],
    ['held', 600],
  ])('of a %s order', (state, holdSeconds) => {
    /** [held, sold, available] of ten tickets of which that many are taken. */
    const taken = (count: number) => (state === 'held' ? [count, 0, 10 - count] : [0, count, 10 - count]);

    it('gives back just those: quantity, subtotal, total, counts, and a line of history', async () => {
      const { eventId, seat, lawn, booked, id, cancel, read } = await order(holdSeconds);
      const reply = await cancel({ [seat]: 1 }, { reason: 'ill' });
      expect([reply.status, reply.headers.get('etag')]).toEqual([200, '"2"']);
      expect(reply.body).toEqual({
        ...booked,
        subtotal: money(11_500),
        items: [
          { ticketTypeId: seat, name: 'Seat', quantity: 2, unitPrice: money(4500), subtotal: money(9000) },
          { ticketTypeId: lawn, name: 'Lawn', quantity: 2, unitPrice: money(1250), subtotal: money(2500) },
        ],
        total: money(11_500),
        version: 2,
        updatedAt: reply.body.updatedAt,
      });
      expect(await read()).toEqual(reply.body);
      expect(await countsOf(api, eventId)).toEqual([taken(2), taken(2)]);
      expect((await historyOf(api, id)).slice(1)).toEqual([
        {
          sequence: 2,
          step: 'cancel-partly',
          from: state,
          to: state,
          at: reply.body.updatedAt,
          actor: ADMIN.caller,
          reason: 'ill',
        },
      ]);
    });

    it('takes a line out of the order when its last ticket goes', async () => {
      const { eventId, seat, lawn, cancel, read } = await order(holdSeconds);
      const reply = await cancel({ [seat]: 3, [lawn]: 1 });
      expect(reply.body).toMatchObject({ status: state, total: money(1250), cancelReason: null, cancelledAt: null });
      expect(reply.body.items).toMatchObject([{ ticketTypeId: lawn, quantity: 1, subtotal: money(1250) }]);
      expect(await read()).toEqual(reply.body);
      expect(await countsOf(api, eventId)).toEqual([taken(0), taken(1)]);
      expect(problemOf(await cancel({ [seat]: 1 }))).toEqual({ status: 404, code: 'ticket-type-not-found' });
    });

    it('of all that is left cancels the order, which keeps its items', async () => {
      const { eventId, seat, lawn, id, cancel, read } = await order(holdSeconds);
      await cancel({ [seat]: 3 });
      const reply = await cancel({ [lawn]: 2 }, { reason: 'ill' });
      expect(reply.body).toMatchObject({ status: 'cancelled', cancelReason: 'ill', expiresAt: null, version: 3 });
      expect(reply.body.items).toMatchObject([{ ticketTypeId: lawn, quantity: 2 }]);
      expect(await read()).toEqual(reply.body);
      expect(await countsOf(api, eventId)).toEqual([taken(0), taken(0)]);
      expect((await stepsOf(api, id)).slice(1)).toEqual(['cancel-partly', 'cancel']);
    });

    it('of more than the order has is refused, and nothing changes, also not of the other items', async () => {
      const { eventId, seat, lawn, booked, id, cancel, read } = await order(holdSeconds);
      const refused = problemOf(await cancel({ [lawn]: 1, [seat]: 4 }, {}, `more ${id}`));
      expect(refused).toEqual({ status: 422, code: 'quantity-out-of-range', ticketTypeId: seat, minPerOrder: 1, maxPerOrder: 3 });
      expect(await read()).toEqual(booked);
      expect(await countsOf(api, eventId)).toEqual([taken(3), taken(2)]);
      await cancel({ [seat]: 2 });
      expect(problemOf(await cancel({ [seat]: 2 }))).toMatchObject({ code: 'quantity-out-of-range', maxPerOrder: 1 });
      expect((await cancel({ [seat]: 1 }, {}, `more ${id}`)).status).toBe(200);
      expect(await countsOf(api, eventId)).toEqual([taken(0), taken(2)]);
    });

    it('of a ticket type that the order does not have is refused, and nothing changes', async () => {
      const { seat, booked, cancel, read } = await order(holdSeconds);
      const missing = { status: 404, code: 'ticket-type-not-found' };
      expect(problemOf(await cancel({ [seat]: 1, [UNKNOWN]: 1 }))).toEqual(missing);
      expect(await read()).toEqual(booked);
    });

    it('of the same ticket type twice is refused, in whatever case it is written', async () => {
      const { seat, booked, id, read } = await order(holdSeconds);
      const items = [seat, seat.toUpperCase()].map((ticketTypeId) => ({ ticketTypeId, quantity: 1 }));
      expect(pointersOf(await api.post(`/v1/orders/${id}/cancel`, { items }))).toEqual(['/items']);
      expect(await read()).toEqual(booked);
      const upper = await api.post(`/v1/orders/${id}/cancel`, { items: items.slice(1) });
      expect(upper.body.items).toMatchObject([{ quantity: 2 }, { quantity: 2 }]);
    });

    it('with a key gives back once, also ten times at once; without one, each time', async () => {
      const { eventId, seat, id, cancel } = await order(holdSeconds);
      const replies = await Promise.all(Array.from({ length: 10 }, () => cancel({ [seat]: 1 }, {}, `once ${id}`)));
      const repeat = await cancel({ [seat]: 1 }, {}, `once ${id}`);
      for (const { status, body } of [...replies, repeat]) expect([status, body]).toEqual([200, replies[0]!.body]);
      expect(await countsOf(api, eventId)).toEqual([taken(2), taken(2)]);
      await cancel({ [seat]: 1 });
      expect(await countsOf(api, eventId)).toEqual([taken(1), taken(2)]);
    });

    it('at once from many gives back no more than there is', async () => {
      const { eventId, seat, lawn, cancel } = await order(holdSeconds);
      const replies = await Promise.all(Array.from({ length: 8 }, () => cancel({ [seat]: 1 })));
      const codes = replies.map(({ status, body }) => (status === 200 ? 'given back' : body.code));
      expect(codes.filter((code) => code === 'given back')).toHaveLength(3);
      expect(new Set(codes)).toEqual(new Set(['given back', 'ticket-type-not-found']));
      expect(await countsOf(api, eventId)).toEqual([taken(0), taken(2)]);
      expect((await cancel({ [lawn]: 1 })).body.items).toHaveLength(1);
    });

    it('lets the customer book as many again', async () => {
      const { eventId, seat, lawn, cancel } = await order(holdSeconds);
      const limit = { code: 'customer-limit-exceeded', alreadyBooked: 5 };
      expect(problemOf(await api.book(eventId, { [lawn]: 2 }))).toMatchObject(limit);
      await cancel({ [seat]: 1 });
      expect((await api.book(eventId, { [lawn]: 2 })).status).toBe(201);
      expect(problemOf(await api.book(eventId, { [lawn]: 1 }))).toMatchObject({ ...limit, alreadyBooked: 6 });
    });
  });

  it('of a hold keeps its end, and what is left can be confirmed, and extended', async () => {
    const { eventId, seat, booked, id, cancel } = await order(600);
    expect((await cancel({ [seat]: 2 })).body.expiresAt).toBe(booked.expiresAt);
    expect((await api.post(`/v1/orders/${id}/extend`, { seconds: 900 })).status).toBe(200);
    const confirmed = (await api.post(`/v1/orders/${id}/confirm`)).body;
    expect(confirmed).toMatchObject({ status: 'confirmed', total: money(7000), version: 4 });
    expect(await countsOf(api, eventId)).toEqual([
      [0, 1, 9],
      [0, 2, 8],
    ]);
    expect(await stepsOf(api, id)).toEqual(['hold', 'cancel-partly', 'extend', 'confirm']);
  });

  it('of a hold that expires and is revived takes only what was left', async () => {
    const { eventId, seat, lawn, id, cancel } = await order(600);
    await cancel({ [seat]: 3 });
    await makeOverdue(running.database, id);
    expect(problemOf(await cancel({ [lawn]: 1 }))).toMatchObject({ code: 'order-not-cancellable', orderStatus: 'expired' });
    expect((await api.post(`/v1/orders/${id}/confirm`, { reviveIfAvailable: true })).body.status).toBe('confirmed');
    expect(await countsOf(api, eventId)).toEqual([
      [0, 0, 10],
      [0, 2, 8],
    ]);
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
