import { setTimeout as sleep } from 'node:timers/promises';
import { EntityManager } from '@mikro-orm/postgresql';
import { jest } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';

const BUYERS = 7;

/*
 * The other tests can fail: without the event lock the race is there, without the constraints it oversells.
 * The lock is removed by taking `lockMode` out of every find; the constraints are dropped in this file's own database.
 */
describe('without the event lock', () => {
  let running: TestApp;
  /** In one process the lane of the event would keep the bookings apart, so there is an app for each. */
  let apps: TestApp[];
  const { findOne } = EntityManager.prototype;

  beforeAll(async () => {
    running = await startApp();
    apps = [running];
    while (apps.length < BUYERS) apps.push(await startApp({}, running.database));
    jest.spyOn(EntityManager.prototype, 'findOne').mockImplementation(function withoutLock(
      this: EntityManager,
      ...args: unknown[]
    ) {
      const { lockMode: _, ...options } = (args[2] ?? {}) as Record<string, unknown>;
      return Reflect.apply(findOne, this, [args[0], args[1], options]) as never;
    });
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    for (const app of apps.toReversed()) await app.close();
  });

  /**
   * Seven bookings that all decide before any of them writes: the test holds the event row, which stops the writes only.
   * There are 5 tickets.
   */
  async function storm() {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
    const holder = await database.connect();
    await holder.query('begin');
    await holder.query('select id from events where id = $1 for update', [eventId]);
    const bookings = Promise.all(apps.map((app) => app.api.book(eventId, { [ticketTypeId]: 1 })));
    await waitForLocks(BUYERS);
    await holder.query('commit');
    await holder.end();
    const codes = new Set((await bookings).map(({ status, body }) => (status === 201 ? 'booked' : (body.code as string))));
    const [tickets] = await database.sql<{ sold: number }>(
      `select coalesce(sum(quantity), 0)::integer as sold from order_items i join orders o on o.id = i.order_id
        where o.event_id = $1 and o.status = 'confirmed'`,
      [eventId],
    );
    return { sold: tickets!.sold, codes };
  }

  async function waitForLocks(count: number): Promise<void> {
    const waiting = () =>
      running.database.sql(`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
    while ((await waiting()).length < count) await sleep(20);
  }

  it('the unique sequence refuses two bookings that decided on the same state', async () => {
    const { sold, codes } = await storm();
    expect(sold).toBe(1);
    expect(codes).toContain('internal-error');
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('with that gone, the CHECK constraint refuses the ticket too many', async () => {
    const { database } = running;
    await database.sql('alter table order_history drop constraint order_history_pkey');
    await database.sql('alter table orders drop constraint orders_sequence_key');
    const { sold, codes } = await storm();
    expect(sold).toBe(5);
    expect(codes).toContain('internal-error');
    const broken = (await database.brokenInvariants()).map(({ invariant }) => invariant);
    expect(broken).not.toContain('never oversold');
    expect(broken).not.toContain('sold equals the confirmed orders');
  });

  it('with that gone too, it oversells: the race that the lock prevents is real', async () => {
    const { database } = running;
    await database.sql('alter table ticket_types drop constraint ticket_types_never_oversold');
    const { sold } = await storm();
    expect(sold).toBe(BUYERS);
    expect((await database.brokenInvariants()).map(({ invariant }) => invariant)).toContain('never oversold');
  });
});
