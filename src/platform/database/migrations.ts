import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import type { Environment } from '../config/environment.js';
import { installJobs } from '../jobs/install-jobs.js';
import { classifyDatabaseError, UNDEFINED_TABLE } from './database-errors.js';
import { APPLIED_SCHEMA, compareSchema, knownSchema, type SchemaVersion } from './schema-version.js';

export type SchemaRules = Pick<Environment, 'SCHEMA_MAY_BE_NEWER'>;

/** Any number that no other user of the database takes for an advisory lock. */
const MIGRATION_LOCK = 4_831_117_602;

export interface MigrationPatience {
  /**
   * Longest wait for the lock of a table. Whoever comes after waits behind the migration, even readers, so this is how long
   * bookings may stand still when a transaction that runs long has the table.
   */
  lockTimeoutMs: number;
  /** How often a migration is tried that does not get its locks, before it is given up. */
  attempts: number;
  /** Between two attempts, so that those who waited get on. */
  pauseMs: number;
}

const PATIENCE: MigrationPatience = { lockTimeoutMs: 1_000, attempts: 60, pauseMs: 1_000 };

/**
 * Brings the schema up to date, a transaction for each migration, under an advisory lock of that transaction, so that several
 * instances that start at once take turns, also behind a transaction pooler. Uses two connections of its own: the migrator
 * looks for its table outside of the transaction, and runs a migration there that is not transactional
 * (`CREATE INDEX CONCURRENTLY`), which may take as long as it takes, since it blocks nobody.
 * @returns the names of the migrations that ran
 * @throws MigrationBlockedError; those before the one that is blocked are done then
 */
export async function migrate(options: Options, patience: MigrationPatience = PATIENCE): Promise<string[]> {
  const { driverOptions, ...others } = options;
  const { Client } = driverOptions as { Client: { withoutTimeouts(): unknown } };
  const orm = new MikroORM({
    ...others,
    pool: { min: 0, max: 2 },
    driverOptions: { ...driverOptions, Client: Client.withoutTimeouts() },
  });
  try {
    const ran: string[] = [];
    for (;;) {
      const name = await migrateOnce(orm, patience);
      if (name === null) break;
      ran.push(name);
    }
    await installJobs(options.clientUrl!);
    return ran;
  } finally {
    await orm.close(true);
  }
}

/** How often an instance looks whether another one, which migrates, is done. */
const TURN_INTERVAL_MS = 100;

/** Runs the first pending migration, again when it is kept from its locks. @returns its name; null when there is none */
async function migrateOnce(orm: MikroORM, patience: MigrationPatience): Promise<string | null> {
  for (let attempt = 1; ;) {
    try {
      const name = await runNext(orm, patience.lockTimeoutMs);
      if (name !== undefined) return name;
      await sleep(TURN_INTERVAL_MS);
    } catch (error) {
      if (classifyDatabaseError(error) !== 'contention') throw error;
      if (attempt >= patience.attempts) throw new MigrationBlockedError(attempt, patience.lockTimeoutMs, error);
      attempt += 1;
      await sleep(patience.pauseMs);
    }
  }
}

/** @returns the name of the migration that ran; null when none is pending; undefined when another instance migrates */
function runNext(orm: MikroORM, lockTimeoutMs: number): Promise<string | null | undefined> {
  return orm.em.fork().transactional(async (em) => {
    // Not waited for: the statement would have a snapshot all the while, and CREATE INDEX CONCURRENTLY of the instance that
    // has the lock waits for older snapshots to go.
    const [lock] = await em.execute<Array<{ free: boolean }>>(`select pg_try_advisory_xact_lock(${MIGRATION_LOCK}) as free`);
    if (!lock!.free) return undefined;
    const [next] = await orm.migrator.getPending();
    if (next === undefined) return null;
    await em.execute(`set local lock_timeout = ${lockTimeoutMs}`);
    await orm.migrator.up({ transaction: em.getTransactionContext(), migrations: [next.name] });
    return next.name;
  });
}

export class MigrationBlockedError extends Error {
  constructor(attempts: number, lockTimeoutMs: number, cause: unknown) {
    super(
      `A migration did not get the lock of a table in ${attempts} attempts of ${lockTimeoutMs} ms, and has changed nothing. ` +
        'A transaction that runs long has it: look for it in pg_stat_activity (xact_start), then migrate again.',
      { cause },
    );
  }
}

export class SchemaOutdatedError extends Error {
  constructor(what: string) {
    super(`${what} Run \`npm run migrate\`, or start with MIGRATE_ON_START=true.`);
  }
}

export class SchemaTooNewError extends Error {
  constructor(names: readonly string[]) {
    super(
      `The database has migrations of a newer Holdfast: ${names.join(', ')}. Start that version, or, if its notes say that ` +
        'this one may run beside it, start with SCHEMA_MAY_BE_NEWER=true.',
    );
  }
}

/** @throws SchemaOutdatedError, SchemaTooNewError; changes nothing */
export async function assertMigrated(orm: MikroORM, { SCHEMA_MAY_BE_NEWER: mayBeNewer }: SchemaRules): Promise<void> {
  const applied = await appliedSchema(orm);
  if (!applied) throw new SchemaOutdatedError('The database has no tables of Holdfast.');
  const { missing, unknown } = compareSchema(await knownSchema(orm), applied);
  if (missing.length > 0) throw new SchemaOutdatedError(`The database lacks migrations: ${missing.join(', ')}.`);
  if (unknown.length > 0 && !mayBeNewer) throw new SchemaTooNewError(unknown);
}

async function appliedSchema(orm: MikroORM): Promise<SchemaVersion | null> {
  try {
    const [row] = await orm.em.fork().execute<SchemaVersion[]>(`select ${APPLIED_SCHEMA}`);
    return row!;
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return null;
    throw error;
  }
}
