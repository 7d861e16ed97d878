import { EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { STATEMENT_TIME } from '../database/clock.js';
import { RecurringJob } from '../jobs/recurring-job.js';
import { PURGED } from './change-feed.js';

const BATCH = 5_000;
const BATCHES_PER_RUN = 20;
/** A consumer that has not moved for so long after the retention is taken for removed, and keeps nothing any more. */
const REMOVED_CONSUMER_DAYS = 30;
const NOW = sql.raw(STATEMENT_TIME);

/**
 * Deletes domain events that are older than the retention and that every consumer has taken over, oldest first, and notes how
 * far it came, so that an older cursor is told instead of silently missing something.
 */
@Injectable()
export class PurgeDomainEventsJob extends RecurringJob {
  protected readonly intervalMs = 60_000;

  constructor(
    private readonly em: EntityManager,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'DOMAIN_EVENT_RETENTION_HOURS'>,
  ) {
    super();
  }

  /** @returns how many were deleted, at most 100,000 */
  runOnce(): Promise<number> {
    return this.runBatches(BATCH, BATCHES_PER_RUN, () => this.deleteBatch());
  }

  /** One statement: what is deleted and how far are one commit. */
  private async deleteBatch(): Promise<number> {
    const { DOMAIN_EVENT_RETENTION_HOURS: hours } = this.environment;
    const { rows } = await sql<{ count: number }>`
      with not_taken as (
        select transaction_id, position from domain_event_cursors
         where name <> ${PURGED} and updated_at > ${NOW} - make_interval(hours => ${hours}, days => ${REMOVED_CONSUMER_DAYS})
         order by transaction_id, position limit 1
      ), deleted as (
        delete from domain_events where (transaction_id, position) in (
          select e.transaction_id, e.position from domain_events e
           where e.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
             and e.occurred_at < ${NOW} - make_interval(hours => ${hours})
             and not exists (select from not_taken n where (e.transaction_id, e.position) > (n.transaction_id, n.position))
           order by e.transaction_id, e.position limit ${BATCH})
        returning transaction_id, position
      ), noted as (
        insert into domain_event_cursors as c (name, transaction_id, position, updated_at)
        select ${PURGED}, transaction_id, position, ${NOW} from deleted order by transaction_id desc, position desc limit 1
        on conflict (name) do update
           set transaction_id = excluded.transaction_id, position = excluded.position, updated_at = excluded.updated_at
         where (c.transaction_id, c.position) < (excluded.transaction_id, excluded.position)
      )
      select count(*)::integer as count from deleted
    `.execute(this.em.fork().getKysely());
    return rows[0]!.count;
  }
}
