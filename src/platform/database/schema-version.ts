import { readdir } from 'node:fs/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import jobsPackage from 'pg-boss/package.json' with { type: 'json' };
import { JOBS_SCHEMA } from '../jobs/install-jobs.js';

/** What a database has, or what this version of the code comes with. */
export interface SchemaVersion {
  /** The names of the migrations. */
  migrations: readonly string[];
  /** The version of the tables of pg-boss, which it migrates itself. */
  jobs: number;
}

/** Columns of a statement that tells the {@link SchemaVersion} of the database. It fails with 42P01 where there is none. */
export const APPLIED_SCHEMA = `(select coalesce(json_agg(name), '[]') from mikro_orm_migrations) as migrations,
  (select version from ${JOBS_SCHEMA}.version) as jobs`;

/** Where the schema of a database stands, seen from this version of the code. */
export interface SchemaDifference {
  /** What the database lacks. */
  missing: string[];
  /** What the database has and this version does not know: a newer one made it. */
  unknown: string[];
}

/** What this version of the code comes with. */
export async function knownSchema(orm: MikroORM): Promise<SchemaVersion> {
  const files = await readdir(orm.config.get('migrations').path!);
  const migrations = files.filter((file) => /^Migration\w+\.(js|ts)$/.test(file)).map((file) => file.replace(/\.\w+$/, ''));
  return { migrations, jobs: jobsPackage.pgboss.schema };
}

export function compareSchema(known: SchemaVersion, applied: SchemaVersion): SchemaDifference {
  const jobs = `pg-boss ${Math.max(known.jobs, applied.jobs)}`;
  return {
    missing: [
      ...known.migrations.filter((name) => !applied.migrations.includes(name)).toSorted(),
      ...(applied.jobs < known.jobs ? [jobs] : []),
    ],
    unknown: [
      ...applied.migrations.filter((name) => !known.migrations.includes(name)).toSorted(),
      ...(applied.jobs > known.jobs ? [jobs] : []),
    ],
  };
}
