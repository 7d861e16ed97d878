import type { EntityManager } from '@mikro-orm/postgresql';

/**
 * Gives the transaction something to commit (a message in the log that nobody reads), so that its COMMIT waits for the synchronous standby, where there is one, which
 * then has all that was committed before as well. A COMMIT of reads alone does not wait, so what it read could be of a
 * transaction whose own wait was cancelled: that is visible, and lost if the standby takes over.
 */
export async function waitForStandbyAtCommit(em: EntityManager): Promise<void> {
  await em.execute(`select pg_logical_emit_message(true, 'holdfast', '')`);
}

/** Waits until the synchronous standby, where there is one, has all that this session could see. */
export async function waitForStandby(em: EntityManager): Promise<void> {
  await em.fork().transactional(waitForStandbyAtCommit);
}
