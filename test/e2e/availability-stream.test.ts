import { jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { AvailabilityStreams } from '../../src/modules/events/availability-streams.js';
import { pg } from '../../src/platform/database/pg-client.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { createEvent, createTicketType, eventOnSale } from '../support/factories.js';
import { eventually, holdEventLock } from '../support/faults.js';
import { Listener, RawListener, streamPath } from '../support/listener.js';
import { problemOf } from '../support/problems.js';

const POLL_INTERVAL_MS = 300;
const HEARTBEAT_INTERVAL_MS = 15_000;
/** Of a timer that may fire early by the rounding of its clock. */
const ROUNDING_MS = 2;

describe('the availability stream', () => {
  let running: TestApp;
  let api: ApiClient;
  const open: Array<{ close(): void }> = [];

  /** How many statements have asked for availability, by whomever in this process. */
  let asked = 0;
  const send = pg.Client.prototype.query;

  const listen = (eventId: string, { url }: { url: string } = running) => {
    const listener = new Listener(url, eventId);
    open.push(listener);
    return listener;
  };
  const availabilityOf = async (eventId: string) => (await api.get(`/v1/events/${eventId}/availability`)).body;
  const hold = (eventId: string, ticketTypeId: string, quantity: number) =>
    api.post(
      `/v1/events/${eventId}/bookings`,
      { items: [{ ticketTypeId, quantity }], customer: { email: 'ada@example.com' }, hold: { seconds: 600 } },
      { 'idempotency-key': `hold-${eventId}` },
    );
  const polls = async (count: number) => {
    const before = asked;
    await eventually(`${count} polls`, () => Promise.resolve(asked >= before + count));
  };

  beforeAll(async () => {
    pg.Client.prototype.query = function (this: unknown, ...args: unknown[]) {
      if (JSON.stringify(args[0]).includes('overdue.tickets')) asked += 1;
      return Reflect.apply(send, this, args) as never;
    };
    running = await startApp();
    api = running.api;
  });
  afterEach(() => {
    for (const listener of open.splice(0)) listener.close();
  });
  afterAll(async () => {
    pg.Client.prototype.query = send;
    await running.close();
  });

  it('sends the availability at once, as an event `availability` whose id is the sequence of the event', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [10, 20]);
    await api.book(eventId, { [ticketTypeId]: 1 });
    await api.book(eventId, { [ticketTypeId]: 2 });
    const listener = listen(eventId.toUpperCase());
    const { id, type, data } = await listener.receives({ sold: 3 });
    expect([id, type]).toEqual(['2', 'availability']);
    const { asOf, ...numbers } = data;
    expect(asOf).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(await availabilityOf(eventId)).toEqual({ asOf: expect.any(String), ...numbers });
  });

  it('is an event stream that no cache keeps and no proxy holds back', async () => {
    const { eventId } = await eventOnSale(api);
    const reply = await fetch(running.url + streamPath(eventId), { headers: { 'x-request-id': 'stream-1' } });
    await reply.body!.cancel();
    expect(reply.status).toBe(200);
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      // An EventSource that comes again to an instance that shuts down would be refused, and give up.
      connection: 'close',
      'x-request-id': 'stream-1',
    });
  });

  it('sends every change: of the event, its ticket types, its orders, and of time alone', async () => {
    const { database } = running;
    const eventId = await createEvent(api);
    const listener = listen(eventId);
    await eventually('the first message', () => Promise.resolve(listener.last));
    expect(listener.last).toMatchObject({ id: '0', data: { ticketTypes: [] } });

    const ticketTypeId = await createTicketType(api, eventId, { capacity: 10 });
    await listener.receives({ capacity: 10, available: 10, onSale: false });
    await api.post(`/v1/events/${eventId}/publish`);
    await listener.receives({ capacity: 10, onSale: true });
    const booked = await api.book(eventId, { [ticketTypeId]: 2 });
    await listener.receives({ sold: 2, available: 8 });
    const held = await hold(eventId, ticketTypeId, 3);
    await listener.receives({ held: 3, sold: 2, available: 5 });
    await api.post(`/v1/orders/${booked.body.id}/cancel`, { items: [{ ticketTypeId, quantity: 1 }] });
    await listener.receives({ held: 3, sold: 1, available: 6 });
    await api.patch(`/v1/events/${eventId}/ticket-types/${ticketTypeId}`, { capacity: 7 }, { 'if-match': '*' });
    await listener.receives({ capacity: 7, available: 3 });

    // The hold ends soon, and nobody can write that down.
    const lock = await holdEventLock(database, eventId);
    await database.sql(`update orders set expires_at = now() + interval '1 second' where id = $1`, [held.body.id]);
    const overdue = await listener.receives({ held: 0, sold: 1, available: 6 });
    expect(overdue.id).toBe('3');
    await lock.release();
    await api.post(`/v1/events/${eventId}/cancel`);
    expect(await listener.receives({ sold: 0, available: 7, onSale: false })).toMatchObject({ id: '5' });
    const six = listener.messages.filter(({ data: { ticketTypes } }) => ticketTypes[0]?.available === 6 && ticketTypes[0].onSale);
    expect(six).toHaveLength(2);
    expect(listener.last!.data.ticketTypes).toEqual((await availabilityOf(eventId)).ticketTypes);
    expect(listener.errors).toEqual([]);
  });

  it('sends nothing when nothing has changed, and nothing of other events', async () => {
    const { eventId } = await eventOnSale(api);
    const other = await eventOnSale(api);
    const [listener, otherListener] = [listen(eventId), listen(other.eventId)];
    await Promise.all([listener.receives({ sold: 0 }), otherListener.receives({ sold: 0 })]);
    await api.patch(`/v1/events/${eventId}`, { description: 'Another' }, { 'if-match': '*' });
    await api.book(other.eventId, { [other.ticketTypeId]: 1 });
    await otherListener.receives({ sold: 1 });
    await polls(3);
    expect(listener.messages).toHaveLength(1);
    expect(otherListener.messages).toHaveLength(2);
  });

  it('refuses an unknown event and a broken id as any route does', async () => {
    expect(problemOf(await api.get(streamPath('019a0000-0000-7000-8000-0000000000ff')))).toEqual({
      status: 404,
      code: 'event-not-found',
    });
    expect(problemOf(await api.get(streamPath('1')))).toEqual({ status: 400, code: 'malformed-request' });
    expect(problemOf(await api.post(streamPath('1')))).toMatchObject({ status: 405, code: 'method-not-allowed' });
  });

  it('answers HEAD at once', async () => {
    const { eventId } = await eventOnSale(api);
    const reply = await fetch(running.url + streamPath(eventId), { method: 'HEAD', signal: AbortSignal.timeout(10_000) });
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  });

  it('asks the database once for all of 300 listeners on 3 events in 300 ms, and not at all when nobody listens', async () => {
    const events = await Promise.all([1, 2, 3].map(() => eventOnSale(api)));
    const listeners = events.flatMap(({ eventId }) => Array.from({ length: 100 }, () => listen(eventId)));
    await Promise.all(listeners.map((listener) => listener.receives({ sold: 0 })));
    const [before, since] = [asked, performance.now()];
    for (let sold = 1; sold <= 3; sold++) {
      await Promise.all(events.map(({ eventId, ticketTypeId }) => api.book(eventId, { [ticketTypeId]: 1 })));
      await Promise.all(listeners.map((listener) => listener.receives({ sold })));
    }
    const most = (performance.now() - since) / (POLL_INTERVAL_MS - ROUNDING_MS) + 1;
    expect(asked - before).toBeGreaterThan(0);
    expect(asked - before).toBeLessThanOrEqual(most);

    for (const listener of listeners) listener.close();
    await eventually('an end of the questions', async () => {
      const count = asked;
      await sleep(4 * POLL_INTERVAL_MS);
      return asked === count;
    });
  });

  it('sends a comment when there was nothing to send for 15 seconds', async () => {
    const { eventId } = await eventOnSale(api);
    const listener = await RawListener.open(running.url, eventId);
    open.push(listener);
    expect(await listener.textWith('"onSale":true')).not.toContain('still here');
    const { now } = performance;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + HEARTBEAT_INTERVAL_MS);
    try {
      await listener.textWith('\n: still here\n\n');
    } finally {
      clock.mockRestore();
    }
  });

  it('cuts off a listener that does not read what it is sent; the others go on', async () => {
    const { database } = running;
    const limited = await startApp({ STREAMS_MAX_PER_ADDRESS: '2' }, database);
    try {
      const eventId = await createEvent(api);
      // More than the API allows, so that few messages fill what the systems of both ends hold for the reader.
      await database.sql(
        `insert into ticket_types (event_id, id, name, currency, price_amount, capacity, created_at, updated_at)
         select $1, gen_random_uuid(), repeat('x', 200), 'EUR', 100, 100, now(), now() from generate_series(1, 2000)`,
        [eventId],
      );
      const listener = listen(eventId, limited);
      await listener.receives({ capacity: 100 });
      open.push(await RawListener.open(limited.url, eventId));
      expect((await limited.api.get(streamPath(eventId))).status).toBe(429);

      let capacity = 100;
      const third = await eventually('the place of the one that does not read', async () => {
        capacity += 1;
        await database.sql('update ticket_types set capacity = $2 where event_id = $1', [eventId, capacity]);
        await listener.receives({ capacity });
        const reply = await fetch(limited.url + streamPath(eventId), { headers: limited.api.authorization });
        if (reply.status !== 200) await reply.text();
        return reply.status === 200 && reply;
      });
      await third.body!.cancel();
      expect(listener.errors).toEqual([]);
    } finally {
      for (const listener of open.splice(0)) listener.close();
      await limited.close();
    }
  });

  describe('with limits', () => {
    let limited: TestApp | undefined;
    let eventId: string;

    const start = async (variables: Record<string, string>) => {
      limited = await startApp(variables, running.database);
      return limited;
    };
    const reply = async () => limited!.api.get(streamPath(eventId));

    beforeAll(async () => {
      ({ eventId } = await eventOnSale(api));
    });
    afterEach(async () => {
      for (const listener of open.splice(0)) listener.close();
      await limited?.close();
      limited = undefined;
    });

    it.each([
      ['STREAMS_MAX', 503, 'overloaded'],
      ['STREAMS_MAX_PER_ADDRESS', 429, 'rate-limited'],
    ])('opens no more than %s, and a closed stream makes room for another', async (limit, status, code) => {
      await start({ [limit]: '2' });
      const listeners = [listen(eventId, limited), listen(eventId, limited)];
      await Promise.all(listeners.map((listener) => listener.receives({ sold: 0 })));
      const refused = await reply();
      expect(problemOf(refused)).toEqual({ status, code });
      expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);

      listeners[0]!.close();
      const next = await eventually('room', async () => {
        const attempt = listen(eventId, limited);
        await answered(attempt);
        return attempt.last && attempt;
      });
      expect(problemOf(await reply())).toEqual({ status, code });
      expect(next.errors).toEqual([]);
    });

    it('holds the limit when many come at the same moment', async () => {
      await start({ STREAMS_MAX: '5' });
      const listeners = Array.from({ length: 30 }, () => listen(eventId, limited));
      await Promise.all(listeners.map(answered));
      expect(listeners.filter(({ last }) => last)).toHaveLength(5);
      expect(listeners.flatMap(({ errors }) => errors)).toEqual(Array.from({ length: 25 }, () => 503));
    });

    it('a connection that asked for several streams in a row gives all their places back when it ends', async () => {
      await start({ STREAMS_MAX: '4' });
      const greedy = await RawListener.open(limited!.url, eventId, 4);
      open.push(greedy);
      // The question takes a place for a moment, so it must not come before the four.
      const streams = limited!.app.get(AvailabilityStreams, { strict: false });
      await eventually('its four places', () => Promise.resolve(streams['open'] === 4));
      await eventually('all places are taken', async () => (await statusOf(limited!.url, eventId)) === 503);
      greedy.close();
      await eventually('all places are free', async () => {
        const four = Array.from({ length: 4 }, () => listen(eventId, limited));
        await Promise.all(four.map(answered));
        for (const listener of four) listener.close();
        return four.every(({ last }) => last);
      });
    });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});

/** Waits until it has received something or was refused. */
const answered = (listener: Listener) =>
  eventually('an answer', () => Promise.resolve(listener.last ?? listener.errors.length > 0));

/** The status of the answer to one more listener, which leaves at once. */
async function statusOf(url: string, eventId: string): Promise<number> {
  const reply = await fetch(url + streamPath(eventId));
  await reply.body!.cancel();
  return reply.status;
}
