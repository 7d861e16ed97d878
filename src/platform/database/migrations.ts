import { MikroORM, type Options } from '@mikro-orm/postgresql';

/** Any number that no other user of the database takes for an advisory lock. */
const MIGRATION_LOCK = 4_831_117_602;

/**
 * Brings the schema up to date: all in one transaction, under an advisory lock of that transaction, so that several
 * instances that start at once take turns, also behind a transaction pooler. Uses two connections of its own
 * (the migrator looks for its table outside of the transaction).
 * @returns the names of the migrations that ran
 */
export async function migrate(options: Options): Promise<string[]> {
  const orm = new MikroORM({ ...options, pool: { min: 0, max: 2 } });
  try {
    return await orm.em.transactional(async (em) => {
      await em.execute('set local statement_timeout = 0; set local lock_timeout = 0');
      const [version] = await em.execute<Array<{ server_version_num: string }>>('show server_version_num');
      if (Number(version!.server_version_num) >= 170_000) await em.execute('set local transaction_timeout = 0');
      await em.execute('set local idle_in_transaction_session_timeout = 0');
      await em.execute(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
      const ran = await orm.migrator.up({ transaction: em.getTransactionContext() });
      return ran.map(({ name }) => name);
    });
  } finally {
    await orm.close(true);
  }
}

export class SchemaOutdatedError extends Error {
  constructor(what: string) {
    super(`${what} Run \`npm run migrate\`, or start with MIGRATE_ON_START=true.`);
  }
}

/** @throws SchemaOutdatedError; changes nothing */
export async function assertMigrated(orm: MikroORM): Promise<void> {
  const [table] = await orm.em
    .fork()
    .execute<Array<{ found: string | null }>>(`select to_regclass('mikro_orm_migrations')::text as found`);
  if (table!.found === null) throw new SchemaOutdatedError('The database has no tables of Holdfast.');
  const pending = await orm.migrator.getPending();
  if (pending.length > 0)
    throw new SchemaOutdatedError(`The database lacks migrations: ${pending.map(({ name }) => name).join(', ')}.`);
}
