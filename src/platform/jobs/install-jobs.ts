import { PgBoss } from 'pg-boss';

/** The schema of the database that pg-boss has to itself. */
export const JOBS_SCHEMA = 'pgboss';

/** Makes the tables of pg-boss, or brings them to the version of the package. Instances that start at once take turns. */
export async function installJobs(connectionString: string): Promise<void> {
  const boss = new PgBoss({
    connectionString,
    schema: JOBS_SCHEMA,
    max: 1,
    supervise: false,
    schedule: false,
    registerInstance: false,
  });
  try {
    await boss.start();
  } finally {
    await boss.stop({ graceful: false });
  }
}
