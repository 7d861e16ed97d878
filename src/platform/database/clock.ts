import type { EntityManager } from '@mikro-orm/postgresql';

/** SQL for the time of the database in milliseconds: the only clock that decisions rest on. */
export const DATABASE_NOW = `date_trunc('milliseconds', clock_timestamp())`;

/** SQL for the time at which the statement began: the same wherever it stands in it. For reads that wait for no lock. */
export const STATEMENT_TIME = `date_trunc('milliseconds', statement_timestamp())`;

export async function databaseNow(em: EntityManager): Promise<Date> {
  const [row] = await em.execute<Array<{ now: string }>>(`select ${DATABASE_NOW} as now`);
  return new Date(row!.now);
}
