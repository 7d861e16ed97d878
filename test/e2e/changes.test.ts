import { randomUUID } from 'node:crypto';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { PurgeDomainEventsJob } from '../../src/platform/domain-events/purge-domain-events.job.js';
import { insertApiKey } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { createEvent, createTicketType, eventOnSale } from '../support/factories.js';
import { untilFeedShowsAll } from '../support/feed.js';
import { eventually } from '../support/faults.js';
import { stopJobs } from '../support/jobs.js';
import { makeOverdue } from '../support/orders.js';

interface Change {
  id: string;
  type: string;
  eventId: string | null;
  orderId: string | null;
  sequence: number | null;
  occurredAt: string;
  data: any;
}

describe('the change feed', () => {
  let running: TestApp;
  let api: ApiClient;

  const read = async (query: string): Promise<{ items: Change[]; nextCursor: string }> => {
    if (!query.includes('wait=')) await untilFeedShowsAll(running.database);
    const { status, body } = await api.get(`/v1/changes?${query}`);
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body;
  };
  /** The next changes, however long the feed is held up. */
  const nextOf = async (cursor: string, query = ''): Promise<Change[]> => {
    const { items, nextCursor } = await read(`after=${cursor}&wait=20${query}`);
    return items.length > 0 ? items : nextOf(nextCursor, query);
  };
  /** Where the feed is now. */
  const end = async () => {
    let cursor = '';
    for (;;) {
      const { items, nextCursor } = await read(`limit=200${cursor && `&after=${cursor}`}`);
      cursor = nextCursor;
      if (items.length === 0) return cursor;
    }
  };
  const path = (order: { body: { id: string } }) => `/v1/orders/${order.body.id}`;

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
    await stopJobs(running, ExpireHoldsJob);
  });
  afterEach(() => running.database.assertInvariants());
  afterAll(() => running.close());

  it('tells every change once, in order, with the resource as the API showed it', async () => {
    const start = await end();
    const eventId = await createEvent(api);
    const ticketTypeId = await createTicketType(api, eventId);
    const published = await api.post(`/v1/events/${eventId}/publish`);
    await api.post(`/v1/events/${eventId}/publish`);
    const updated = await api.patch(`/v1/events/${eventId}`, { name: 'New name' }, { 'if-match': '*' });
    await api.patch(`/v1/events/${eventId}/ticket-types/${ticketTypeId}`, { capacity: 50 }, { 'if-match': '*' });
    const held = await api.book(eventId, { [ticketTypeId]: 3 }, { holdSeconds: 600 });
    const extended = await api.post(`${path(held)}/extend`, { seconds: 900 });
    const partly = await api.post(`${path(held)}/cancel`, { items: [{ ticketTypeId, quantity: 1 }] });
    const confirmed = await api.post(`${path(held)}/confirm`, { paymentReference: 'pay_1' });
    await api.post(`${path(held)}/confirm`);
    const overdue = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 600 });
    await makeOverdue(running.database, overdue.body.id);
    await running.app.get(ExpireHoldsJob, { strict: false }).runOnce();
    const refused = await api.book(eventId, { [ticketTypeId]: 51 });
    expect(refused.status).toBe(409);
    const cancelled = await api.post(`${path(held)}/cancel`, { reason: 'ill' });
    const off = await api.post(`/v1/events/${eventId}/cancel`);

    const { items } = await read(`after=${start}&limit=200`);
    expect(items.map(({ type }) => type)).toEqual([
      ...['ticket-type.changed', 'event.published', 'event.updated', 'ticket-type.changed'],
      ...['order.held', 'order.extended', 'order.partially-cancelled', 'order.confirmed'],
      ...['order.held', 'order.expired', 'order.cancelled', 'event.cancelled'],
    ]);
    expect(items.map(({ data }) => data)).toEqual([
      expect.objectContaining({ id: eventId, ticketTypes: [expect.objectContaining({ id: ticketTypeId })] }),
      published.body,
      updated.body,
      expect.objectContaining({ ticketTypes: [expect.objectContaining({ capacity: 50 })] }),
      ...[held.body, extended.body, partly.body, confirmed.body],
      ...[overdue.body, (await api.get(path(overdue))).body, cancelled.body, off.body],
    ]);
    const ofOrders = items.filter(({ orderId }) => orderId !== null);
    expect(ofOrders.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(items.filter(({ orderId }) => orderId === null).map(({ sequence }) => sequence)).toEqual(Array(5).fill(null));
    expect(new Set(items.map((item) => item.eventId))).toEqual(new Set([eventId]));
    expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  });

  it('comes in pages that fit together, whatever their size, and again the same', async () => {
    const start = await end();
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await Promise.all(Array.from({ length: 23 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
    const whole = (await read(`after=${start}&limit=200`)).items;
    expect(whole).toHaveLength(25);
    const paged: Change[] = [];
    let cursor = start;
    for (;;) {
      const page = await read(`after=${cursor}&limit=4`);
      paged.push(...page.items);
      cursor = page.nextCursor;
      if (page.items.length === 0) break;
    }
    expect(paged).toEqual(whole);
    expect(await read(`after=${cursor}`)).toEqual({ items: [], nextCursor: expect.any(String) });
  });

  it('can be narrowed to types and to an event', async () => {
    const start = await end();
    const [one, two] = [await eventOnSale(api), await eventOnSale(api)];
    const order = await api.book(one.eventId, { [one.ticketTypeId]: 1 });
    await api.post(`${path(order)}/cancel`);
    await api.book(two.eventId, { [two.ticketTypeId]: 1 });
    const typesOf = async (query: string) => (await read(`after=${start}&${query}`)).items.map(({ type }) => type);
    expect(await typesOf(`eventId=${one.eventId.toUpperCase()}&types=order.confirmed,order.cancelled`)).toEqual([
      'order.confirmed',
      'order.cancelled',
    ]);
    expect(await typesOf('types=event.published')).toEqual(['event.published', 'event.published']);
    expect(await typesOf(`eventId=${two.eventId}`)).toEqual(['ticket-type.changed', 'event.published', 'order.confirmed']);
    expect((await read(`after=${start}&types=order.cancelled&limit=1`)).items).toHaveLength(1);
    const { nextCursor } = await read(`after=${start}&types=order.cancelled&limit=1`);
    expect((await read(`after=${nextCursor}`)).items.map(({ eventId }) => eventId)).toEqual([two.eventId]);
  });

  it('waits for the next change, answers as soon as it comes, and with nothing when the time is over', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const start = await end();
    const nothing = await read(`after=${start}&wait=1`);
    expect(nothing.items).toEqual([]);
    const waiting = [nextOf(nothing.nextCursor), nextOf(nothing.nextCursor, '&types=order.cancelled')] as const;
    const order = await api.book(eventId, { [ticketTypeId]: 1 });
    expect((await waiting[0]).map(({ orderId }) => orderId)).toEqual([order.body.id]);
    await api.post(`${path(order)}/cancel`);
    expect((await waiting[1]).map(({ type }) => type)).toEqual(['order.cancelled']);
  });

  it('lets a waiting client go when the app shuts down', async () => {
    const other = await startApp({}, running.database);
    const waiting = other.api.get(`/v1/changes?after=${await end()}&wait=25`);
    // It is on its way once the other instance has answered what came after it.
    await other.api.get('/v1/orders');
    await other.app.close();
    expect((await waiting).body).toEqual({ items: [], nextCursor: expect.any(String) });
  });

  it.each([
    ['a broken cursor', 'after=x', 'malformed-request'],
    [
      'a cursor of another list',
      `after=${Buffer.from('["2035-01-01T00:00:00Z","x"]').toString('base64url')}`,
      'malformed-request',
    ],
    ['an unknown type', 'types=order.confirmed,order.eaten', 'validation-failed'],
    ['no type', 'types=', 'validation-failed'],
    ['a wait that is too long', 'wait=26', 'validation-failed'],
    ['an event that is no id', 'eventId=x', 'validation-failed'],
    ['what it does not know', 'from=1', 'validation-failed'],
  ])('refuses %s', async (_, query, code) => {
    expect((await api.get(`/v1/changes?${query}`)).body).toMatchObject({ status: 400, code });
  });

  it('needs orders:read', async () => {
    const { key } = await insertApiKey(running.database, ['events:write', 'bookings:write', 'orders:write']);
    expect((await api.as(key).get('/v1/changes')).status).toBe(403);
    expect((await api.as(null).get('/v1/changes')).status).toBe(401);
  });

  it.each([
    ['/v1/changes?after=', ['0', '9223372036854775808']],
    ['/v1/changes?after=', ['9999999999999999999', '0']],
    ['/v1/changes?after=', ['-1', '0']],
    ['/v1/dead-letters?cursor=', ['2026-01-01T00:00:00+23:59', 'no id']],
  ])('refuses a forged cursor: %s%j', async (route, place) => {
    const cursor = Buffer.from(JSON.stringify(place)).toString('base64url');
    expect((await api.get(route + cursor)).body.code).toBe('malformed-request');
  });

  it('reads the cursor of another time zone', async () => {
    const place = ['2026-01-01T00:00:00+23:59', randomUUID()];
    const cursor = Buffer.from(JSON.stringify(place)).toString('base64url');
    expect((await api.get(`/v1/dead-letters?cursor=${cursor}`)).status).toBe(200);
  });

  describe('to callers without events:write', () => {
    const clientWith = async (...scopes: Parameters<typeof insertApiKey>[1]) =>
      api.as((await insertApiKey(running.database, scopes)).key);

    it('says nothing about an event that was never published, and goes on', async () => {
      const reader = await clientWith('orders:read');
      const organiser = await clientWith('orders:read', 'events:write');
      const start = await end();
      const eventId = await createEvent(api, { name: 'Secret line-up' });
      const ticketTypeId = await createTicketType(api, eventId);
      await api.patch(`/v1/events/${eventId}`, { description: 'Tell nobody' }, { 'if-match': '*' });
      const dropped = await createEvent(api, { name: 'Never to be' });
      await api.post(`/v1/events/${dropped}/cancel`);
      expect((await reader.get(`/v1/events/${eventId}`)).status).toBe(404);
      expect((await reader.get(`/v1/events/${dropped}`)).status).toBe(404);

      const seen = async (client: ApiClient, query: string) => {
        const { body } = await client.get(`/v1/changes?${query}`);
        return { ...body, types: body.items.map(({ type }: Change) => type) };
      };
      const all = ['ticket-type.changed', 'event.updated', 'event.cancelled'];
      for (const client of [api, organiser]) {
        await eventually('all changes', async () => (await seen(client, `after=${start}`)).types.join() === all.join());
      }
      const nothing = await seen(reader, `after=${start}`);
      expect(nothing.types).toEqual([]);
      expect((await seen(reader, `after=${start}&eventId=${eventId}`)).types).toEqual([]);
      expect((await seen(reader, `after=${start}&types=event.cancelled,ticket-type.changed`)).types).toEqual([]);

      await api.post(`/v1/events/${eventId}/publish`);
      await api.patch(`/v1/events/${eventId}`, { name: 'Line-up' }, { 'if-match': '*' });
      await api.book(eventId, { [ticketTypeId]: 1 });
      await api.post(`/v1/events/${eventId}/cancel`);
      await eventually('all changes', async () => (await seen(api, `after=${start}`)).types.length === 8);
      const public_ = ['event.published', 'event.updated', 'event.cancelled', 'order.confirmed', 'order.cancelled'];
      for (const query of [`after=${nothing.nextCursor}`, `after=${start}`, `after=${start}&eventId=${eventId}`]) {
        expect((await seen(reader, query)).types.toSorted()).toEqual(public_.toSorted());
      }
      const { items } = await seen(reader, `after=${start}&limit=1`);
      expect(items).toHaveLength(1);
      expect(items[0].data).toMatchObject({ name: 'Secret line-up', status: 'published' });
    });

    it('pages over many of them', async () => {
      const reader = await clientWith('orders:read');
      const eventId = await createEvent(api);
      await running.database.sql(
        `insert into domain_events (id, type, schema_version, event_id, occurred_at, data)
         select gen_random_uuid(), 'event.updated', 1, $1, now(), '{"status":"draft"}' from generate_series(1, 3000)`,
        [eventId],
      );
      const { eventId: other } = await eventOnSale(api);
      const newest = await eventually('all changes', async () => {
        const { items } = await read(`eventId=${other}`);
        return items.length === 2 && items[1];
      });
      let [cursor, calls] = ['', 0];
      for (let last: Change | undefined; last?.id !== newest.id; calls++) {
        const { body } = await reader.get(`/v1/changes?limit=1${cursor && `&after=${cursor}`}`);
        expect(body.items).toHaveLength(1);
        [last] = body.items;
        cursor = body.nextCursor;
        expect(last!.data.status).not.toBe('draft');
      }
      expect(calls).toBeGreaterThan(1);
    });
  });

  it('says so when a cursor is of a later time than the database', async () => {
    const cursor = Buffer.from('["9000000000000000","1"]').toString('base64url');
    expect((await api.get(`/v1/changes?after=${cursor}`)).body).toMatchObject({ status: 410, code: 'cursor-expired' });
  });

  it('keeps changes for the retention, and says so to a cursor that is older', async () => {
    const old = await startApp({ DOMAIN_EVENT_RETENTION_HOURS: '1' });
    try {
      const purge = () => old.app.get(PurgeDomainEventsJob, { strict: false }).runOnce();
      const { eventId, ticketTypeId } = await eventOnSale(old.api);
      await untilFeedShowsAll(old.database);
      const first = (await old.api.get('/v1/changes?limit=1')).body;
      await old.api.book(eventId, { [ticketTypeId]: 1 });
      await untilFeedShowsAll(old.database);
      const atEnd = (await old.api.get('/v1/changes?limit=200')).body.nextCursor;
      expect(await purge()).toBe(0);
      await old.database.sql(`update domain_events set occurred_at = occurred_at - interval '61 minutes'`);
      // A consumer that has not taken them over keeps them.
      await old.database.sql(`insert into domain_event_cursors values ('laggard', '3', 0, now())`);
      expect(await purge()).toBe(0);
      await old.database.sql(`delete from domain_event_cursors where name = 'laggard'`);
      await old.database.sql(`update domain_event_cursors set transaction_id = pg_current_xact_id()`);
      await untilFeedShowsAll(old.database);
      expect(await purge()).toBe(3);
      expect((await old.api.get(`/v1/changes?after=${first.nextCursor}`)).body).toMatchObject({
        status: 410,
        code: 'cursor-expired',
      });
      await old.api.book(eventId, { [ticketTypeId]: 1 });
      await untilFeedShowsAll(old.database);
      expect((await old.api.get(`/v1/changes?after=${atEnd}`)).body.items).toHaveLength(1);
      expect((await old.api.get('/v1/changes')).body.items).toHaveLength(1);
    } finally {
      await old.close();
    }
  });
});
