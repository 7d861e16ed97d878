import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { eventBody, eventOnSale } from '../support/factories.js';

describe('one key, many requests at once', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  it('50 bookings: one order, 50 identical answers', async () => {
    const { api, url, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    const body = JSON.stringify({ items: [{ ticketTypeId, quantity: 2 }], customer: { email: 'ada@example.com' } });
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'fifty-at-once', ...api.authorization };
    const replies = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const response = await fetch(`${url}/v1/events/${eventId}/bookings`, { method: 'POST', headers, body });
        return {
          status: response.status,
          text: await response.text(),
          location: response.headers.get('location'),
          etag: response.headers.get('etag'),
          replayed: response.headers.get('idempotent-replayed'),
        };
      }),
    );
    expect(
      new Set(replies.map(({ status, text, location, etag }) => JSON.stringify({ status, text, location, etag }))).size,
    ).toBe(1);
    expect(replies[0]!.status).toBe(201);
    expect(replies.filter(({ replayed }) => replayed === null)).toHaveLength(1);
    expect(await database.sql('select id from orders where event_id = $1', [eventId])).toHaveLength(1);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('30 new events: one event', async () => {
    const { api, database } = running;
    const body = eventBody({ name: 'Only once' });
    const replies = await Promise.all(
      Array.from({ length: 30 }, () => api.post('/v1/events', body, { 'idempotency-key': 'one-event' })),
    );
    expect(countByStatus(replies)).toEqual({ 201: 30 });
    expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1);
    expect(await database.sql(`select id from events where name = 'Only once'`)).toHaveLength(1);
  });

  it('the same key for two events at once: one booking, the others are refused', async () => {
    const { api, database } = running;
    const [one, two] = [await eventOnSale(api, [100]), await eventOnSale(api, [100])];
    for (let round = 0; round < 20; round++) {
      const replies = await Promise.all(
        [one, two, one, two].map(({ eventId, ticketTypeId }) =>
          api.book(eventId, { [ticketTypeId]: 1 }, { key: `two-events-${round}` }),
        ),
      );
      expect(countByStatus(replies)).toEqual({ 201: 2, 422: 2 });
    }
    expect(await database.sql('select id from orders where event_id = any($1)', [[one.eventId, two.eventId]])).toHaveLength(20);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('last tickets with repeats mixed in: as many orders as keys that succeeded', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [40]);
    const replies = await Promise.all(
      Array.from({ length: 300 }, (_, index) => api.book(eventId, { [ticketTypeId]: 1 }, { key: `mixed-${index % 100}` })),
    );
    const byKey = Map.groupBy(
      replies.map((reply, index) => ({ reply, key: index % 100 })),
      ({ key }) => key,
    );
    let booked = 0;
    for (const ofKey of byKey.values()) {
      const ids = new Set(ofKey.flatMap(({ reply }) => (reply.status === 201 ? [reply.body.id as string] : [])));
      expect(ids.size).toBeLessThanOrEqual(1);
      booked += ids.size;
    }
    expect(booked).toBe(40);
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
