import { Migration } from '@mikro-orm/migrations';
import type { AbstractSqlDriver, MikroORM } from '@mikro-orm/postgresql';
import { brokenRules } from '../support/migration-rules.js';
import { BEFORE_THE_RULES, MIGRATIONS } from '../support/migrations.js';
import { discoverEntities } from '../support/orm.js';

type MigrationClass = new (driver: AbstractSqlDriver, config: MikroORM['config']) => Migration;

async function textOf(name: string) {
  const module = (await import(`../../migrations/${name}.ts`)) as Record<string, MigrationClass>;
  const orm = discoverEntities();
  const migration = new module[name]!(orm.em.getDriver(), orm.config);
  await migration.up();
  return { name, queries: migration.getQueries().map(String), isTransactional: migration.isTransactional() };
}

const inOne = (query: string, name = 'Migration20270101000000_add_x') =>
  brokenRules({ name, queries: [query], isTransactional: true });
const outside = (...queries: string[]) => brokenRules({ name: 'Migration20270101000000_x', queries, isTransactional: false });

describe('the rules of migrations', () => {
  it('are kept by all that were made since', async () => {
    const since = await Promise.all(MIGRATIONS.filter((name) => !BEFORE_THE_RULES.has(name)).map(textOf));
    expect(since.map((migration) => [migration.name, brokenRules(migration)])).toEqual(since.map(({ name }) => [name, []]));
  });

  it('are broken by some that were made before them, all of which exist', async () => {
    expect([...BEFORE_THE_RULES].filter((name) => !MIGRATIONS.includes(name))).toEqual([]);
    const holds = brokenRules(await textOf('Migration20261124080000_add_holds'));
    expect(holds).toHaveLength(8);
    expect(brokenRules(await textOf('Migration20261124060000_create_events_and_orders'))).toEqual([]);
  });

  it.each([
    ['create index orders_x on orders (x)', 'CONCURRENTLY'],
    ['CREATE UNIQUE INDEX orders_x ON orders (x)', 'CONCURRENTLY'],
    ['drop index orders_x', 'CONCURRENTLY'],
    ['create index concurrently orders_x on orders (x)', 'isTransactional'],
    ['alter table orders add constraint orders_x check (x > 0)', 'NOT VALID'],
    ['alter table orders add constraint orders_x foreign key (x) references events (id)', 'NOT VALID'],
    ['alter table orders add check (x > 0) not valid', 'has a name'],
    ['alter table orders add constraint orders_x unique (x)', 'USING INDEX'],
    ['alter table orders add primary key (x)', 'USING INDEX'],
    ['alter table orders alter column x set not null', 'NOT NULL reads'],
    ['alter table orders alter column x type bigint', 'another type'],
    ['alter table orders alter column x set data type bigint', 'another type'],
    ['alter table orders add column x text not null', 'DEFAULT'],
    ['alter table orders add column x text check (x > 0)', 'by itself'],
    ['alter table orders add column x uuid references events (id)', 'by itself'],
    ['alter table orders add column x uuid default gen_random_uuid()', 'differs by row'],
    ['alter table orders add column x bigint generated always as (y * 2) stored', 'differs by row'],
    ['alter table orders rename column x to y', 'old name'],
    ['lock table orders', 'keep everybody'],
    ['alter table orders add column x text; update orders set x = 1', 'rows are changed'],
    ['alter table orders add constraint a check (x) not valid; alter table orders validate constraint a', 'later migration'],
    ['alter table orders drop column x', '…_drop_…'],
    ['drop table orders', '…_drop_…'],
  ])('refuse %s', (query, why) => {
    expect(inOne(query)).toEqual([expect.stringContaining(why)]);
  });

  it.each([
    'create table x (id uuid primary key, y text not null check (y > 0)); create index x_y on x (y); alter table x add constraint x_z check (y > 1)',
    'alter table orders add column x text',
    `alter table orders add column x text not null default 'a', add column y integer`,
    'alter table orders add constraint orders_x check (x is not null) not valid',
    'alter table orders validate constraint orders_x',
    'alter table orders add constraint orders_x unique using index orders_x_idx',
    'alter table orders alter column x set default 1',
    'alter table orders drop constraint orders_x',
    `comment on table orders is 'create index on orders; lock table orders'`,
    `create function f() returns trigger language plpgsql as $$ begin lock table orders; return new; end $$`,
    'update orders set x = 1 where x is null',
  ])('allow %s', (query) => {
    expect(inOne(query)).toEqual([]);
  });

  it('allow indexes that are made and dropped outside of transactions, and dropping by a migration that says so', () => {
    expect(outside('create index concurrently orders_x on orders (x)')).toEqual([]);
    expect(outside('drop index concurrently if exists orders_x', 'create index concurrently orders_x on orders (x)')).toEqual([]);
    expect(outside('create index concurrently a on orders (x); create index concurrently b on orders (y)')).toHaveLength(1);
    expect(inOne('alter table orders drop column x', 'Migration20270101000000_drop_x')).toEqual([]);
  });
});
