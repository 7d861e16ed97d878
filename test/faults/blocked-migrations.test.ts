import { Migration } from '@mikro-orm/migrations';
import type { Options } from '@mikro-orm/postgresql';
import type { Client } from 'pg';
import { migrate, MigrationBlockedError } from '../../src/platform/database/migrations.js';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { quietOrm } from '../support/migrations.js';

const NOTE = 'Migration20261124990000_note_on_orders';
const INDEX = 'Migration20261124990100_index_on_orders';

class NoteOnOrders extends Migration {
  override up(): void {
    this.addSql('alter table orders add column note text');
  }
}

class IndexOnOrders extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql('create index concurrently orders_note_idx on orders (note)');
  }
}

class TakesLong extends Migration {
  override up(): void {
    this.addSql('select pg_sleep(0.4)');
  }
}

class TakesLongOutside extends TakesLong {
  override isTransactional(): boolean {
    return false;
  }
}

describe('a migration of a table that is in use', () => {
  let running: TestApp;
  let eventId: string;
  let ticketTypeId: string;
  let other: Client;

  beforeEach(async () => {
    running = await startApp();
    ({ eventId, ticketTypeId } = await eventOnSale(running.api, [1_000]));
    other = await running.database.connect();
  });
  afterEach(async () => {
    await other.end();
    await running.close();
  });

  const options = (...list: Array<{ name: string; class: typeof NoteOnOrders }>): Options => {
    const orm = quietOrm(running.database.url);
    return { ...orm, migrations: { ...orm.migrations, migrationsList: list } };
  };
  const note = { name: NOTE, class: NoteOnOrders };
  const index = { name: INDEX, class: IndexOnOrders };
  const book = () => running.api.book(eventId, { [ticketTypeId]: 1 });
  const hasNote = async () =>
    (await running.database.sql(`select from information_schema.columns where table_name = 'orders' and column_name = 'note'`))
      .length;
  const waits = (query: string) =>
    eventually('the migration waits for a lock', async () => {
      const rows = await running.database.sql(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike $1`,
        [`%${query}%`],
      );
      return rows.length > 0;
    });

  it('waits only for a moment behind a long transaction, so that bookings behind it go on, and is done when that ends', async () => {
    await other.query('begin');
    await other.query('select count(*) from orders');
    const migrated = migrate(options(note), { lockTimeoutMs: 300, attempts: 1_000, pauseMs: 50 });
    await waits('alter table orders');
    // Without a lock_timeout this one would wait for the migration, and so for the end of the long transaction.
    expect((await book()).status).toBe(201);
    expect(await hasNote()).toBe(0);
    await other.query('commit');
    expect(await migrated).toEqual([NOTE]);
    expect(await hasNote()).toBe(1);
    expect((await book()).status).toBe(201);
  });

  it('may take longer than the app lets a statement take, in a transaction and outside', async () => {
    const timeouts = {
      DATABASE_STATEMENT_TIMEOUT_MS: '100',
      DATABASE_QUERY_TIMEOUT_MS: '200',
      DATABASE_TRANSACTION_TIMEOUT_MS: '150',
    };
    const orm = quietOrm(running.database.url, { ...timeouts, DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: '150' });
    const migrationsList = [
      { name: NOTE, class: TakesLong },
      { name: INDEX, class: TakesLongOutside },
    ];
    expect(await migrate({ ...orm, migrations: { ...orm.migrations, migrationsList } })).toEqual([NOTE, INDEX]);
  });

  it('is given up after so many attempts, and has changed nothing', async () => {
    await other.query('begin');
    await other.query('select count(*) from orders');
    const migrated = migrate(options(note), { lockTimeoutMs: 50, attempts: 3, pauseMs: 10 });
    await expect(migrated).rejects.toThrow(MigrationBlockedError);
    await expect(migrated).rejects.toThrow('in 3 attempts of 50 ms');
    expect(await hasNote()).toBe(0);
    await other.query('commit');
    expect(await migrate(options(note))).toEqual([NOTE]);
  });

  it('makes an index concurrently, while bookings go on and another instance wants to migrate too', async () => {
    await migrate(options(note));
    await other.query('begin');
    await other.query(`lock table orders in row exclusive mode`);
    const migrations = [migrate(options(note, index)), migrate(options(note, index))];
    await waits('create index concurrently');
    expect((await book()).status).toBe(201);
    await other.query('commit');
    expect((await Promise.all(migrations)).flat()).toEqual([INDEX]);
    const [made] = await running.database.sql(
      `select indisvalid as valid from pg_index where indexrelid = 'orders_note_idx'::regclass`,
    );
    expect(made).toEqual({ valid: true });
  });
});
