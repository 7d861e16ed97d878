import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { BookingService } from '../../src/modules/booking/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { blockedBackend, eventually } from '../support/faults.js';
import { Scrape } from '../support/metrics.js';

/** How often a connection is cut while bookings go on. */
const CUTS = 50;

describe('bookings that share a transaction', () => {
  let running: TestApp;
  let holder: Client;

  beforeAll(async () => {
    running = await startApp({ LANE_BATCH_MAX: '200', LANE_MAX_WAITING: '300' });
    holder = await running.database.connect();
  });
  afterAll(async () => {
    await holder.end();
    await running.close();
  });

  /** While this test holds the event lock, what is sent waits: for the lock the first, in the lane the others. */
  async function whileLocked(eventId: string, send: () => Promise<void>): Promise<void> {
    await holder.query('begin');
    await holder.query('select from events where id = $1 for update', [eventId]);
    await send();
    await holder.query('commit');
  }

  /** Waits until so many bookings wait in the lanes, behind the one that waits for the lock. */
  async function inLane(count: number): Promise<void> {
    await eventually(`${count} in the lane`, async () => (await Scrape.of(running)).value('holdfast_lane_waiting') === count);
  }

  it('one connection of the process waits for the event, however many bookings do', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [150]);
    let replies: Promise<any[]> = Promise.resolve([]);
    await whileLocked(eventId, async () => {
      replies = Promise.all(Array.from({ length: 200 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
      await blockedBackend(database);
      await inLane(199);
      const locks = await database.sql(
        `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      expect(locks).toHaveLength(1);
      // Others are not kept from their connections.
      expect((await api.get(`/v1/events/${eventId}`)).status).toBe(200);
    });
    expect(countByStatus(await replies)).toEqual({ 201: 150, 409: 50 });
    const commits = await database.sql('select distinct xmin from orders where event_id = $1', [eventId]);
    expect(commits.length).toBeLessThan(20);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('one that the database refuses fails alone: the 99 others of its transaction are booked', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    await database.sql(`
      create function refuse_poison() returns trigger language plpgsql as $$
      begin
        if new.customer_email = 'poison@example.com' then raise exception 'poisoned'; end if;
        return new;
      end $$;
      create trigger refuse_poison before insert on orders for each row execute function refuse_poison()`);
    let replies: Promise<any[]> = Promise.resolve([]);
    await whileLocked(eventId, async () => {
      replies = Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          api.book(eventId, { [ticketTypeId]: 1 }, { email: index === 40 ? 'poison@example.com' : 'ada@example.com' }),
        ),
      );
      await blockedBackend(database);
      await inLane(99);
    });
    expect(countByStatus(await replies)).toEqual({ 201: 99, 500: 1 });
    await database.sql('drop trigger refuse_poison on orders');
    expect(await database.sql('select id from orders where event_id = $1', [eventId])).toHaveLength(99);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('one that fails in its middle, again and again: exactly what was acknowledged is booked', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1_000]);
    await database.sql(`
      create function fail_at_random() returns trigger language plpgsql as $$
      begin
        if random() < 0.03 then raise exception 'failed in the middle'; end if;
        return new;
      end $$;
      create trigger fail_at_random before insert on order_history for each row execute function fail_at_random()`);
    const done = new AbortController();
    const cuts = (async () => {
      // Not for ever: a slow machine would not get a turn done between two of them.
      for (let cut = 0; cut < CUTS && !done.signal.aborted; cut++) {
        await database.sql(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'holdfast' and state <> 'idle' limit 1`,
        );
        await sleep(40);
      }
    })();
    const book = async () => {
      const key = randomUUID();
      for (;;) {
        const reply = await api.book(eventId, { [ticketTypeId]: 1 }, { key });
        if (reply.status !== 503) return reply;
      }
    };
    const replies = await Promise.all(Array.from({ length: 400 }, book));
    done.abort();
    await cuts;
    await database.sql('drop trigger fail_at_random on order_history');

    const acknowledged = replies.filter(({ status }) => status === 201).map(({ body }) => body.id as string);
    const refused = replies.filter(({ status }) => status === 500);
    expect(acknowledged.length + refused.length).toBe(400);
    expect(refused.length).toBeGreaterThan(0);
    const booked = await database.sql<{ id: string }>('select id from orders where event_id = $1', [eventId]);
    expect(booked.map(({ id }) => id).toSorted()).toEqual(acknowledged.toSorted());
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('tickets go in the order in which the bookings come to the lane', async () => {
    const { api, app } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [30]);
    // Not by HTTP: requests that are sent one after the other need not come in that order.
    const book = (index: number) => {
      const dto = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' } };
      const keyed = { caller: 'tester', key: `${eventId}-${index}`, fingerprint: index.toString(16).padStart(64, '0') };
      return app.get(BookingService).book(eventId, dto, { actor: 'tester', owner: null, request: keyed });
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, (_, index) => book(index)));
    const sequences = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.body.sequence : 'refused'));
    expect(sequences).toEqual([...Array.from({ length: 30 }, (_, index) => index + 1), ...Array(10).fill('refused')]);
  });

  it('beyond the length of the lane the answer is 503 at once, with Retry-After, and nothing is booked', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1000]);
    let replies: Promise<any[]> = Promise.resolve([]);
    await whileLocked(eventId, async () => {
      replies = Promise.all(Array.from({ length: 320 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
      await blockedBackend(database);
      await inLane(300);
      const other = await eventOnSale(api, [1]);
      expect((await api.book(other.eventId, { [other.ticketTypeId]: 1 })).status).toBe(201);
    });
    const refused = (await replies).filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    for (const { body, headers } of refused) {
      expect(body.code).toBe('overloaded');
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    const booked = await database.sql('select id from orders where event_id = $1', [eventId]);
    expect(booked).toHaveLength(320 - refused.length);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('a client that goes away while it waits has booked nothing, and may come again with its key', async () => {
    const { api, url, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
    const key = randomUUID();
    let first: Promise<any> = Promise.resolve();
    await whileLocked(eventId, async () => {
      first = api.book(eventId, { [ticketTypeId]: 1 });
      await blockedBackend(database);
      const body = JSON.stringify({ items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' } });
      const leaving = request(`${url}/v1/events/${eventId}/bookings`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
          'idempotency-key': key,
          ...api.authorization,
        },
      }).on('error', () => {});
      leaving.end(body);
      await inLane(1);
      leaving.destroy();
      await inLane(0);
    });
    expect((await first).status).toBe(201);
    expect(await database.sql('select from idempotency_keys where key = $1', [key])).toEqual([]);
    expect((await api.book(eventId, { [ticketTypeId]: 1 }, { key })).status).toBe(201);
    expect(await database.sql('select id from orders where event_id = $1', [eventId])).toHaveLength(2);
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
