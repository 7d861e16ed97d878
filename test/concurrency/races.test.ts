import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';

describe('bookings that race with', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  async function availability(eventId: string) {
    const { body } = await running.api.get(`/v1/events/${eventId}/availability`);
    return body.ticketTypes[0] as { capacity: number; held: number; sold: number; available: number };
  }

  it('cancellations: every ticket is in one live order or available', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [50]);
    const bookAndMaybeCancel = async (index: number) => {
      const reply = await api.book(eventId, { [ticketTypeId]: 1 + (index % 3) });
      if (reply.status !== 201 || index % 2 === 0) return reply;
      // Three at once: one of them cancels, the others find it done.
      const cancelled = await Promise.all(
        [1, 2, 3].map(() => api.post(`/v1/orders/${reply.body.id}/cancel`, { reason: 'race' })),
      );
      expect(countByStatus(cancelled)).toEqual({ 200: 3 });
      expect(new Set(cancelled.map(({ body }) => body.version))).toEqual(new Set([2]));
      return cancelled[0]!;
    };
    await Promise.all(Array.from({ length: 200 }, (_, index) => bookAndMaybeCancel(index)));
    const { capacity, held, sold, available } = await availability(eventId);
    expect(held + sold + available).toBe(capacity);
    expect(sold).toBeGreaterThan(0);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('capacity changes: never more sold than the capacity of the moment', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
    const path = `/v1/events/${eventId}/ticket-types/${ticketTypeId}`;
    const changes = Array.from({ length: 40 }, (_, index) =>
      api.patch(path, { capacity: 10 + ((index * 13) % 60) }, { 'if-match': '*' }),
    );
    const bookings = Array.from({ length: 200 }, () => api.book(eventId, { [ticketTypeId]: 1 }));
    const [changed, booked] = await Promise.all([Promise.all(changes), Promise.all(bookings)]);
    expect(new Set(changed.map(({ status, body }) => body.code ?? status))).toEqual(
      new Set(changed.some(({ status }) => status === 409) ? [200, 'capacity-below-committed'] : [200]),
    );
    const { capacity, sold } = await availability(eventId);
    expect(sold).toBe(countByStatus(booked)[201]);
    expect(sold).toBeLessThanOrEqual(capacity);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('the cancellation of the event: no order survives it, and nothing is booked after it', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1000]);
    const early = await Promise.all(Array.from({ length: 30 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
    expect(countByStatus(early)).toEqual({ 201: 30 });
    const racing = Array.from({ length: 150 }, (_, index) =>
      index === 60 ? api.post(`/v1/events/${eventId}/cancel`) : api.book(eventId, { [ticketTypeId]: 2 }),
    );
    const replies = await Promise.all(racing);
    expect(replies[60]!.status).toBe(200);
    const refused = replies.filter(({ status }) => status === 409);
    expect(new Set(refused.map(({ body }) => `${body.code} ${body.reason}`))).toEqual(new Set(['event-not-on-sale cancelled']));
    const live = await database.sql('select id from orders where event_id = $1 and status <> $2', [eventId, 'cancelled']);
    expect(live).toEqual([]);
    expect(await availability(eventId)).toMatchObject({ held: 0, sold: 0, available: 1000 });
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('each other on many events: no deadlock, no server error', async () => {
    const { api, database } = running;
    const events = await Promise.all(Array.from({ length: 10 }, () => eventOnSale(api, [20, 20])));
    const replies = await Promise.all(
      Array.from({ length: 400 }, (_, index) => {
        const { eventId, ticketTypeIds } = events[index % events.length]!;
        const [first, second] = index % 20 < 10 ? ticketTypeIds : ticketTypeIds.toReversed();
        return api.book(eventId, { [first!]: 1, [second!]: 1 });
      }),
    );
    expect(countByStatus(replies)).toEqual({ 201: 200, 409: 200 });
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
