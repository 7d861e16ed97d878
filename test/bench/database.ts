import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import type { Client, QueryResultRow } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { ormConfig } from '../../mikro-orm.config.js';
import { readEnvironment } from '../../src/platform/config/environment.js';
import { migrate } from '../../src/platform/database/migrations.js';
import { pg } from '../../src/platform/database/pg-client.js';
import { insertAdminKey } from '../support/api-keys.js';
import type { Target } from './bookings.js';
import { INSERT_EVENTS, INSERT_PAST_ORDERS, PAST_ORDERS_PER_EVENT } from './fill.js';
import { BENCH_BOOK } from './stored-function.js';

const INVARIANTS = readFileSync(new URL('../support/invariants.sql', import.meta.url), 'utf8');
/** Nobody runs out of tickets unless the scenario is about that. */
const CAPACITY = 10_000_000;

export interface EventsToMake {
  count: number;
  ticketTypes?: number;
  capacity?: number;
}

export interface CounterUpdates {
  table: string;
  all: number;
  hot: number;
}

/** A database of the benchmark, with the schema of the app and the stored function of the floor. */
export class BenchDatabase {
  private constructor(
    readonly url: string,
    private readonly client: Client,
    private readonly dropIt: () => Promise<void>,
  ) {}

  static async open(url: string, drop: () => Promise<void>): Promise<BenchDatabase> {
    await migrate({ ...ormConfig({ ...readEnvironment({}), DATABASE_URL: url }), logger: () => {} });
    const client = new pg.Client({ connectionString: url, application_name: 'bench' });
    client.on('error', () => {});
    await client.connect();
    const database = new BenchDatabase(url, client, drop);
    await insertAdminKey(database);
    await database.sql(BENCH_BOOK);
    return database;
  }

  async sql<Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.client.query<Row>(text, values)).rows;
  }

  /**
   * Empties the tables and fills them anew: confirmed orders of past events, then the events of the scenario. Vacuumed and
   * analysed, so that neither the planner nor autovacuum makes a difference between two runs.
   * @returns the events of the scenario
   */
  async refill(pastOrders: number, events: EventsToMake, signal: AbortSignal): Promise<Target[]> {
    await this.sql('truncate events, domain_events cascade');
    const pastEvents = Array.from({ length: Math.ceil(pastOrders / PAST_ORDERS_PER_EVENT) }, () => uuidv7());
    await this.insertEvents(
      pastEvents.map((eventId) => ({ eventId, ticketTypeIds: [uuidv7()] })),
      CAPACITY,
    );
    for (const [index, eventId] of pastEvents.entries()) {
      signal.throwIfAborted();
      const orders = Math.min(PAST_ORDERS_PER_EVENT, pastOrders - index * PAST_ORDERS_PER_EVENT);
      await this.sql(INSERT_PAST_ORDERS, [eventId, orders, Date.now()]);
    }
    const targets = await this.addEvents(events);
    await this.sql('vacuum analyze');
    const [row] = await this.sql<{ may: boolean }>(
      `select exists (select from pg_roles where rolname = 'pg_checkpoint') and pg_has_role('pg_checkpoint', 'member') as may`,
    );
    if (row!.may) await this.sql('checkpoint');
    return targets;
  }

  async addEvents({ count, ticketTypes = 1, capacity = CAPACITY }: EventsToMake): Promise<Target[]> {
    const targets = Array.from({ length: count }, () => ({
      eventId: uuidv7(),
      ticketTypeIds: Array.from({ length: ticketTypes }, () => uuidv7()),
    }));
    await this.insertEvents(targets, capacity);
    return targets;
  }

  private async insertEvents(targets: Target[], capacity: number): Promise<void> {
    const rows = targets.flatMap(({ eventId, ticketTypeIds }) => ticketTypeIds.map((id) => ({ event_id: eventId, id })));
    await this.sql(INSERT_EVENTS, [JSON.stringify(rows), capacity]);
  }

  /** Every broken invariant; see `test/support/invariants.sql`. */
  brokenInvariants(): Promise<Array<{ invariant: string; subject: string; found: string }>> {
    return this.sql(INVARIANTS);
  }

  /** How many rows each table has. */
  async rowCounts(): Promise<Record<string, number>> {
    const tables = await this.sql<{ name: string }>(
      `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' and tablename not in ('mikro_orm_migrations', 'domain_event_cursors')`,
    );
    const counts = tables.map(({ name }) => `select '${name}' as name, count(*)::integer as count from ${name}`);
    const rows = await this.sql<{ name: string; count: number }>(counts.join(' union all '));
    return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
  }

  /** Average size of the remembered answers to bookings of these events, in bytes. */
  async averageAnswerBytes(targets: Target[]): Promise<number> {
    const [row] = await this.sql<{ bytes: number }>(
      `select coalesce(avg(octet_length(body)), 0)::float as bytes from idempotency_keys where event_id = any($1::uuid[])`,
      [targets.map(({ eventId }) => eventId)],
    );
    return row!.bytes;
  }

  /** Updates of the counters so far, and how many of them touched no index (HOT). */
  counterUpdates(): Promise<CounterUpdates[]> {
    return this.sql<CounterUpdates>(
      `select relname as table, n_tup_upd::integer as all, n_tup_hot_upd::integer as hot from pg_stat_user_tables
        where relname in ('events', 'ticket_types') order by relname`,
    );
  }

  /** Waits until the subscribers of the app have taken every fact. */
  async untilDelivered(): Promise<void> {
    for (;;) {
      const [row] = await this.sql<{ waiting: boolean }>(
        `select exists (select from pgboss.job where name like 'on.%')
             or exists (select from domain_events e, domain_event_cursors c
                         where c.name like 'on.%' and (e.transaction_id, e.position) > (c.transaction_id, c.position)) as waiting`,
      );
      if (!row!.waiting) return;
      await sleep(200);
    }
  }

  async drop(): Promise<void> {
    await this.client.end();
    await this.dropIt();
  }
}
