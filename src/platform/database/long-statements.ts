import type { EntityManager } from '@mikro-orm/postgresql';

/**
 * For the first statement of a transaction that nobody waits for: lets the others take so long, whatever the time-outs of the
 * settings are. The client waits for their answers as long (pg-client.ts).
 */
export async function allowLongStatements(em: EntityManager, timeoutMs: number): Promise<void> {
  // PostgreSQL before 17 has no transaction_timeout.
  await em.execute(
    `set local statement_timeout = ${timeoutMs}; select set_config(name, '0', true) from pg_settings where name = 'transaction_timeout'`,
  );
}
