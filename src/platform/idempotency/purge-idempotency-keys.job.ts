import { EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { RecurringJob } from '../jobs/recurring-job.js';

const BATCH = 1_000;
const BATCHES_PER_RUN = 100;

/** Deletes keys that are older than IDEMPOTENCY_RETENTION_HOURS, by the clock of the database. */
@Injectable()
export class PurgeIdempotencyKeysJob extends RecurringJob {
  protected readonly intervalMs = 60_000;

  constructor(
    private readonly em: EntityManager,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'IDEMPOTENCY_RETENTION_HOURS'>,
  ) {
    super();
  }

  /** @returns how many keys were deleted, at most 100,000 */
  runOnce(): Promise<number> {
    return this.runBatches(BATCH, BATCHES_PER_RUN, () => this.deleteBatch());
  }

  private async deleteBatch(): Promise<number> {
    // SKIP LOCKED: several instances purge at once without waiting for each other.
    const rows = await this.em.fork().execute<unknown[]>(
      `delete from idempotency_keys where (caller, key) in (
         select caller, key from idempotency_keys where created_at < clock_timestamp() - make_interval(hours => ?)
         order by created_at limit ? for update skip locked)
       returning key`,
      [this.environment.IDEMPOTENCY_RETENTION_HOURS, BATCH],
    );
    return rows.length;
  }
}
