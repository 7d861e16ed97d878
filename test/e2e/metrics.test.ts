import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metrics } from '../../src/platform/observability/metrics.js';
import { startApp, type TestApp } from '../support/app.js';
import { createEvent, eventOnSale } from '../support/factories.js';
import { blockedBackend, eventually, holdEventLock } from '../support/faults.js';
import { Scrape } from '../support/metrics.js';
import { rawRequest } from '../support/raw.js';

/** How long a lock is held, and the least of it that must be seen. */
const LOCKED_MS = 300;

describe('the metrics', () => {
  let running: TestApp;
  let eventId: string;
  let ticketTypeId: string;

  beforeAll(async () => {
    running = await startApp();
    ({ eventId, ticketTypeId } = await eventOnSale(running.api, [5]));
  });
  afterAll(() => running.close());

  /** How much each sample of these labels grew while `work` ran. */
  async function growth(wanted: Array<[string, Record<string, string>]>, work: () => Promise<unknown>): Promise<number[]> {
    const before = await Scrape.of(running);
    await work();
    const after = await Scrape.of(running);
    return wanted.map(([name, labels]) => (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0));
  }

  it('are text for Prometheus', async () => {
    const { status, headers } = await fetch(`${running.url}/metrics`, { headers: running.api.authorization });
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  });

  it('count bookings by what became of them', async () => {
    const bookings = (outcome: string): [string, Record<string, string>] => ['holdfast_bookings_total', { outcome }];
    const outcomes = ['confirmed', 'held', 'replayed', 'sold-out', 'validation-failed', 'unauthenticated'];
    const book = (quantity: number, options = {}) => running.api.book(eventId, { [ticketTypeId]: quantity }, options);
    const key = randomUUID();
    const counts = await growth(outcomes.map(bookings), async () => {
      await book(1, { key });
      await book(1, { key });
      await book(2, { holdSeconds: 600 });
      await book(1);
      await book(10);
      await book(0);
      await running.api.as('hf_x').book(eventId, { [ticketTypeId]: 1 });
    });
    expect(counts).toEqual([2, 1, 1, 1, 1, 1]);
  });

  it('count and time requests by the template of their route, and problems by their code', async () => {
    const route = '/v1/events/:eventId';
    const requests = 'holdfast_http_requests_total';
    const found = await growth(
      [
        [requests, { method: 'GET', route, status: '200' }],
        [requests, { method: 'GET', route, status: '404' }],
        ['holdfast_http_request_duration_seconds_count', { method: 'GET', route }],
        ['holdfast_http_problems_total', { route, code: 'event-not-found' }],
        [requests, { route: 'other', status: '404' }],
      ],
      async () => {
        await running.api.get(`/v1/events/${eventId}`);
        for (let time = 0; time < 2; time++) await running.api.get(`/v1/events/${randomUUID()}`);
        for (let time = 0; time < 5; time++) await running.api.get(`/v1/${randomUUID()}`);
      },
    );
    expect(found).toEqual([1, 2, 3, 2, 5]);
  });

  it('count who goes away before the answer as aborted, also as the outcome of a booking', async () => {
    const { eventId: locked, ticketTypeId: type } = await eventOnSale(running.api, [5]);
    const lock = await holdEventLock(running.database, locked);
    const route = '/v1/events/:eventId/bookings';
    const found = await growth(
      [
        ['holdfast_http_requests_total', { method: 'POST', route, status: 'aborted' }],
        ['holdfast_bookings_total', { outcome: 'aborted' }],
        ['holdfast_http_problems_total', { route }],
      ],
      async () => {
        const gone = new AbortController();
        const booking = fetch(`${running.url}/v1/events/${locked}/bookings`, {
          method: 'POST',
          headers: { ...running.api.authorization, 'content-type': 'application/json', 'idempotency-key': 'gone' },
          body: JSON.stringify({ items: [{ ticketTypeId: type, quantity: 1 }], customer: { email: 'ada@example.com' } }),
          signal: gone.signal,
        }).catch(() => 'gone');
        await blockedBackend(running.database);
        gone.abort();
        expect(await booking).toBe('gone');
        const inFlight = async () => (await Scrape.of(running)).value('holdfast_http_requests_in_flight');
        await eventually('the app has noticed', async () => (await inFlight()) === 1);
      },
    );
    await lock.release();
    expect(found).toEqual([1, 1, 0]);
  });

  it('count event streams, and do not mix how long they are open with how long requests take', async () => {
    const route = '/v1/events/:eventId/availability/stream';
    const gone = new AbortController();
    const stream = await fetch(`${running.url}/v1/events/${eventId}/availability/stream`, { signal: gone.signal });
    const inFlight = async () => (await Scrape.of(running)).value('holdfast_http_requests_in_flight');
    expect([stream.status, await inFlight()]).toEqual([200, 2]);
    gone.abort();
    await eventually('the app has noticed', async () => (await inFlight()) === 1);
    const scrape = await Scrape.of(running);
    expect(scrape.value('holdfast_http_requests_total', { route, status: '200' })).toBe(1);
    expect(scrape.value('holdfast_http_request_duration_seconds_count', { route })).toBeUndefined();
  });

  it('have a bounded number of series, whatever is asked for', async () => {
    const ask = async (times: number) => {
      for (let time = 0; time < times; time++) {
        await running.api.get(`/${randomUUID()}?${randomUUID()}`);
        await running.api.get(`/v1/orders/${randomUUID()}`);
        for (const method of ['SEARCH', 'PROPFIND']) await rawRequest(running.url, `${method} /${randomUUID()}`, []);
      }
      return (await Scrape.of(running)).samples.filter(({ name }) => name.startsWith('holdfast_http')).length;
    };
    const once = await ask(1);
    expect(await ask(20)).toBe(once);
  });

  it('tell the tickets of each event on sale as its availability does, and no others', async () => {
    const draft = await createEvent(running.api);
    const held = await eventOnSale(running.api, [3]);
    await running.api.book(held.eventId, { [held.ticketTypeId]: 2 }, { holdSeconds: 30 });
    const tickets = async () => {
      const scrape = await Scrape.of(running);
      return Object.fromEntries(
        ['held', 'sold', 'available'].map((state) => [state, scrape.value('holdfast_tickets', { event: held.eventId, state })]),
      );
    };
    expect(await tickets()).toEqual({ held: 2, sold: 0, available: 1 });
    await running.database.sql(`update orders set expires_at = now() - interval '1 hour' where event_id = $1`, [held.eventId]);
    expect(await tickets()).toEqual({ held: 0, sold: 0, available: 3 });
    expect((await Scrape.of(running)).value('holdfast_tickets', { event: draft })).toBeUndefined();
  });

  it('tell transactions, locks, commits, lanes and the pool', async () => {
    const counted = [
      ...['transaction_duration_seconds', 'lock_wait_seconds', 'commit_duration_seconds'],
      ...['lane_wait_seconds', 'lane_batch_size', 'lane_turn_duration_seconds'],
    ];
    const { eventId: other, ticketTypeId: type } = await eventOnSale(running.api, [5]);
    const found = await growth(
      counted.map((name) => [`holdfast_${name}_count`, {}]),
      () => running.api.book(other, { [type]: 1 }),
    );
    // The background jobs have transactions too.
    expect(counted.filter((_, place) => found[place]! < 1)).toEqual([]);
    const scrape = await Scrape.of(running);
    expect(scrape.value('holdfast_pool_connections')).toBeGreaterThan(0);
    expect(scrape.value('holdfast_pool_connections_max')).toBe(10);
    expect(scrape.value('holdfast_lane_waiting')).toBe(0);
    expect(scrape.value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    // The scrape itself.
    expect(scrape.value('holdfast_http_requests_in_flight')).toBe(1);
  });

  it('tell the wait for an event lock that somebody else has, and who waits in the lane meanwhile', async () => {
    const { eventId: locked, ticketTypeId: type } = await eventOnSale(running.api, [5]);
    const before = (await Scrape.of(running)).value('holdfast_lock_wait_seconds_sum')!;
    const lock = await holdEventLock(running.database, locked);
    const first = running.api.book(locked, { [type]: 1 });
    await blockedBackend(running.database);
    const bookings = [first, ...Array.from({ length: 3 }, () => running.api.book(locked, { [type]: 1 }))];
    await eventually('three in the lane', async () => (await Scrape.of(running)).value('holdfast_lane_waiting') === 3);
    await sleep(LOCKED_MS);
    await lock.release();
    await Promise.all(bookings);
    const after = await Scrape.of(running);
    expect(after.value('holdfast_lock_wait_seconds_sum')! - before).toBeGreaterThan(LOCKED_MS / 1000);
    expect(after.value('holdfast_lane_batch_size_bucket', { le: '2' })).toBeLessThan(
      after.value('holdfast_lane_batch_size_count')!,
    );
  });

  it('tell how long the oldest hold past its end waits', async () => {
    const { eventId: other, ticketTypeId: type } = await eventOnSale(running.api, [5]);
    await running.api.book(other, { [type]: 1 }, { holdSeconds: 30 });
    // So that the job passes it by.
    const lock = await holdEventLock(running.database, other);
    await running.database.sql(`update orders set expires_at = now() - interval '90 s' where event_id = $1`, [other]);
    expect((await Scrape.of(running)).value('holdfast_expiry_lag_seconds')).toBeGreaterThanOrEqual(90);
    await lock.release();
  });

  it('go on without what the database does not tell', async () => {
    const metrics = running.app.get(Metrics);
    const plain = metrics.gauge({ name: 'holdfast_test_broken', help: 'Broken' });
    const labelled = metrics.gauge({ name: 'holdfast_test_broken_by_kind', help: 'Broken', labelNames: ['kind'] });
    const kind = { kind: 'a' };
    let fail = false;
    metrics.readAtScrape('test', [plain, labelled], async () => {
      if (fail) throw new Error('no');
      plain.set(7);
      labelled.set(kind, 8);
    });
    const before = await Scrape.of(running);
    expect([before.value('holdfast_test_broken'), before.value('holdfast_test_broken_by_kind', kind)]).toEqual([7, 8]);
    fail = true;
    const scrape = await Scrape.of(running);
    expect(scrape.value('holdfast_test_broken')).toBeUndefined();
    expect(scrape.value('holdfast_test_broken_by_kind', kind)).toBeUndefined();
    expect(scrape.value('holdfast_scrape_failures_total', { reader: 'test' })).toBe(1);
    expect(scrape.value('holdfast_lane_waiting')).toBe(0);
  });

  it('are those of one app, however many there are in a process', async () => {
    const other = await startApp();
    try {
      await eventOnSale(other.api, [5]);
      const post = { method: 'POST', route: '/v1/events', status: '201' };
      expect((await Scrape.of(other)).value('holdfast_http_requests_total', post)).toBe(1);
      expect((await Scrape.of(running)).value('holdfast_http_requests_total', post)).toBeGreaterThan(1);
      expect((await Scrape.of(other)).value('holdfast_bookings_total', { outcome: 'confirmed' })).toBe(0);
    } finally {
      await other.close();
    }
  });

  it('are counters when their name ends with total, and only then', async () => {
    const { types } = await Scrape.of(running);
    const ours = [...types].filter(([name]) => name.startsWith('holdfast_'));
    expect(ours.length).toBeGreaterThan(15);
    expect(ours.filter(([name, type]) => (type === 'counter') !== name.endsWith('_total'))).toEqual([]);
  });
});
