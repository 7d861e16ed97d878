import { setTimeout as sleep } from 'node:timers/promises';
import { Migration } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { migrate } from '../../src/platform/database/migrations.js';
import { startApp } from '../support/app.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { fillTables } from '../support/fill-tables.js';
import { BEFORE_THE_RULES, MIGRATIONS, quietOrm } from '../support/migrations.js';
import { bookAsOlderVersion } from '../support/older-version.js';

const HOT_TABLES = ['events', 'ticket_types', 'orders', 'order_items', 'order_history', 'idempotency_keys'];
const BOOKERS = 4;
const SAMPLE_MS = 5;
/** Twice as long as a migration may wait for a lock, since a busy machine delays its statements too. */
const LONGEST_HOLD_MS = 2_000;
/** Before the migration, so that it is known what the machine makes of bookings by itself. */
const BOOKINGS_BEFORE = 40;
/** How many times as long as the slowest booking before it the slowest one during a migration may take, where that is more than the above. */
const NOISE = 3;
/** Longer than {@link LONGEST_HOLD_MS}, for migrations that are to be caught. */
const TOO_LONG_SECONDS = 4;

interface Observed {
  /** Of the bookings that ended before the migration, and of those that were under way at some time of it. */
  slowestMs: { before: number; during: number };
  /** Of the statements meanwhile that no lock of a migration can hold up. */
  slowestLookMs: number;
  /** By table: how long a lock that keeps everybody out was held while somebody waited for it. */
  heldMs: Record<string, number>;
  /** Tables whose rows were all written anew. */
  rewritten: string[];
}

class HoldsOrders extends Migration {
  override up(): void {
    this.addSql(`alter table orders add column slow text; select pg_sleep(${TOO_LONG_SECONDS})`);
  }
}

/** As CREATE INDEX without CONCURRENTLY does: readers get on. */
class StopsWrites extends Migration {
  override up(): void {
    this.addSql(`lock table orders in share mode; select pg_sleep(${TOO_LONG_SECONDS})`);
  }
}

class RewritesOrders extends Migration {
  override up(): void {
    this.addSql('alter table orders alter column sequence type bigint');
  }
}

const slowest = (bookings: ReadonlyArray<{ from: number; to: number }>) => Math.max(...bookings.map(({ from, to }) => to - from));

describe('migrations while bookings go on', () => {
  let database: TestDatabase;
  let eventId: string;
  let ticketTypeId: string;

  beforeAll(async () => {
    database = await TestDatabase.create();
    const running = await startApp({}, database);
    try {
      await fillTables(running.api, database);
      ({ eventId, ticketTypeId } = await eventOnSale(running.api, [1_000_000]));
    } finally {
      await running.close();
    }
  });
  afterAll(() => database.drop());

  const files = () =>
    database.sql<{ name: string; file: string }>(
      `select relname as name, relfilenode::text as file from pg_class where relname = any($1) order by 1`,
      [HOT_TABLES],
    );

  /** Runs `work` while instances of an older version book, times them, and watches the locks of the hot tables. */
  async function during(work: () => Promise<unknown>): Promise<Observed> {
    const ended = new AbortController();
    const bookings: Array<{ from: number; to: number }> = [];
    const book = async () => {
      const client = await database.connect();
      try {
        while (!ended.signal.aborted) {
          const from = performance.now();
          await bookAsOlderVersion(client, eventId, ticketTypeId);
          bookings.push({ from, to: performance.now() });
        }
      } finally {
        await client.end();
      }
    };
    const heldMs: Record<string, number> = {};
    let slowestLookMs = 0;
    const watch = async () => {
      let since = new Map<string, number>();
      while (!ended.signal.aborted) {
        const askedAt = performance.now();
        const locks = await database.sql<{ name: string; pid: number }>(
          `select l.relation::regclass::text as name, l.pid from pg_locks l
            where l.granted and l.mode = 'AccessExclusiveLock' and l.relation::regclass::text = any($1)
              and exists (select from pg_stat_activity a where l.pid = any(pg_blocking_pids(a.pid)))`,
          [HOT_TABLES],
        );
        const now = performance.now();
        since = new Map(locks.map(({ name, pid }) => [`${name} ${pid}`, since.get(`${name} ${pid}`) ?? now]));
        for (const { name, pid } of locks) heldMs[name] = Math.max(heldMs[name] ?? 0, now - since.get(`${name} ${pid}`)!);
        await sleep(SAMPLE_MS);
        slowestLookMs = Math.max(slowestLookMs, performance.now() - askedAt);
      }
    };
    const before = await files();
    const others = Promise.all([watch(), ...Array.from({ length: BOOKERS }, book)]);
    const atStart = eventually('bookings before', async () => bookings.length >= BOOKINGS_BEFORE);
    const migration = { from: 0, to: 0 };
    try {
      await Promise.race([atStart, others]);
      migration.from = performance.now();
      await work();
      migration.to = performance.now();
      const done = bookings.length;
      await Promise.race([eventually('bookings afterwards', async () => bookings.length >= done + BOOKERS), others]);
    } finally {
      ended.abort();
      await others;
    }
    const after = await files();
    const rewritten = before.filter(({ file }, index) => file !== after[index]!.file).map(({ name }) => name);
    const slowestMs = {
      before: slowest(bookings.filter(({ to }) => to < migration.from)),
      during: slowest(bookings.filter(({ from, to }) => to >= migration.from && from <= migration.to)),
    };
    return { slowestMs, slowestLookMs, heldMs, rewritten };
  }

  const migrateBy = (name: string, migration: typeof HoldsOrders) => {
    const orm = quietOrm(database.url);
    return migrate({ ...orm, migrations: { ...orm.migrations, migrationsList: [{ name, class: migration }] } });
  };

  it('keep no hot table locked for long, hold up no booking and rewrite no table: those made since the rules, or the last one', async () => {
    const since = MIGRATIONS.filter((name) => !BEFORE_THE_RULES.has(name));
    const names = since.length > 0 ? since : MIGRATIONS.slice(-1);
    const orm = new MikroORM(quietOrm(database.url));
    try {
      await orm.migrator.down({ migrations: names });
    } finally {
      await orm.close(true);
    }

    const observed = await during(async () => {
      expect(await migrate(quietOrm(database.url))).toEqual(names);
    });
    const { before, during: slowestMs } = observed.slowestMs;
    expect(slowestMs).toBeGreaterThan(0);
    expect(slowestMs).toBeLessThan(Math.max(LONGEST_HOLD_MS, NOISE * before, NOISE * observed.slowestLookMs));
    expect(Object.entries(observed.heldMs).filter(([, ms]) => ms > LONGEST_HOLD_MS)).toEqual([]);
    expect(observed.rewritten).toEqual([]);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('would be seen to keep one locked', async () => {
    const { heldMs, slowestMs } = await during(() => migrateBy('Migration20261124990000_hold_orders', HoldsOrders));
    expect(heldMs['orders']).toBeGreaterThan(LONGEST_HOLD_MS);
    expect(slowestMs.during).toBeGreaterThan(LONGEST_HOLD_MS);
  });

  it('would be seen to hold up bookings by a lock that lets readers pass', async () => {
    const { heldMs, slowestMs } = await during(() => migrateBy('Migration20261124990050_stop_writes', StopsWrites));
    expect(heldMs['orders']).toBeUndefined();
    expect(slowestMs.during).toBeGreaterThan(LONGEST_HOLD_MS);
  });

  it('would be seen to rewrite one', async () => {
    const { rewritten } = await during(() => migrateBy('Migration20261124990100_rewrite_orders', RewritesOrders));
    expect(rewritten).toEqual(['orders']);
  });
});
