import { MikroORM } from '@mikro-orm/postgresql';
import { startApp } from '../support/app.js';
import { TestDatabase } from '../support/database.js';
import { fillTables, tablesOf } from '../support/fill-tables.js';
import { MIGRATIONS, quietOrm } from '../support/migrations.js';

type Rows = Record<string, Array<Record<string, unknown>>>;

describe('each migration, on a database with rows in every table', () => {
  let database: TestDatabase;
  let orm: MikroORM;

  beforeAll(async () => {
    database = await TestDatabase.create();
    orm = new MikroORM(quietOrm(database.url));
    const running = await startApp({}, database);
    try {
      await fillTables(running.api, database);
    } finally {
      await running.close();
    }
  });
  afterAll(async () => {
    await orm.close(true);
    await database.drop();
  });

  async function rows(): Promise<Rows> {
    const all = (await tablesOf(database)).map(async (table) => {
      const found = await database.sql<{ row: Record<string, unknown> }>(
        `select to_jsonb(t) as row from "${table}" t order by to_jsonb(t)::text`,
      );
      return [table, found.map(({ row }) => row)] as const;
    });
    return Object.fromEntries(await Promise.all(all));
  }

  /** As definitions; the order of columns may differ, since a column that comes back is the last one. */
  async function schema(of = database): Promise<Array<Record<string, unknown>>> {
    return of.sql(`
      select 'column' as what, table_name || '.' || column_name as name,
             concat_ws(' ', data_type, datetime_precision, is_nullable, column_default, is_generated, generation_expression) as definition
        from information_schema.columns where table_schema = 'public'
      union all
      select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) || ' ' || convalidated
        from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'
      union all
      select 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid) || ' ' || indisvalid
        from pg_index where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
      union all
      select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
      union all
      select 'options', oid::regclass::text, reloptions::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
      union all
      select 'function', oid::regprocedure::text, prosrc from pg_proc where pronamespace = 'public'::regnamespace
      order by 1, 2, 3`);
  }

  /** What an older version knew of these rows. */
  function asKnownBy(older: Rows, newer: Rows): Rows {
    return Object.fromEntries(
      Object.entries(older).map(([table, known]) => {
        const columns = Object.keys(known[0]!);
        const shown = newer[table]!.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
        return [table, shown.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))];
      }),
    );
  }
  const sorted = (some: Rows) => asKnownBy(some, some);

  // From the newest to the second: before the first there are no tables, and so no rows.
  it.each(MIGRATIONS.slice(1).toReversed())('down, up and down again keeps the rows: %s', async (name) => {
    const newest = await schema();
    await orm.migrator.down({ migrations: [name] });
    const older = await rows();
    expect(Object.entries(older).filter(([, found]) => found.length === 0)).toEqual([]);

    await orm.migrator.up({ migrations: [name] });
    const newer = await rows();
    expect(asKnownBy(older, newer)).toEqual(sorted(older));
    expect(await schema()).toEqual(newest);

    await orm.migrator.down({ migrations: [name] });
    expect(sorted(await rows())).toEqual(sorted(older));
  });

  it('all of them up again: the rows pass the invariants, and the schema is that of a new database', async () => {
    // What extensions took off an order has no place in the schema before `add_domain_events`, so it is lost on the way down.
    const reduced = await database.sql<{
      id: string;
    }>(`select order_id as id from order_items i join orders o on o.id = i.order_id
       group by order_id, total_amount having sum(quantity * unit_price_amount) <> total_amount`);
    const empty = await TestDatabase.create();
    await orm.migrator.up();
    try {
      expect(await schema()).toEqual(await schema(empty));
      const broken = await database.brokenInvariants();
      expect(broken.map(({ invariant, subject }) => [invariant, subject])).toEqual(
        reduced.map(({ id }) => ['every order has the total of its items and adjustments', id]),
      );
    } finally {
      await empty.drop();
    }
  });

  it('the first one drops all tables, and makes them again', async () => {
    await orm.migrator.down({ to: 0 });
    expect(await tablesOf(database)).toEqual([]);
    await orm.migrator.up();
    expect(await tablesOf(database)).not.toEqual([]);
  });
});
