import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { RecurringJob } from '../jobs/recurring-job.js';

/** An instance whose clock is behind may still count in a window that is over for this one. */
const KEPT_MS = 3_600_000;

/** Deletes the counts of windows that are long over. Its own, since that of the library goes on after the shutdown. */
@Injectable()
export class PurgeRateLimitsJob extends RecurringJob {
  protected readonly intervalMs = 5 * 60_000;

  constructor(private readonly em: EntityManager) {
    super();
  }

  async runOnce(): Promise<void> {
    await this.em.fork().execute('delete from rate_limits where expire < ?', [Date.now() - KEPT_MS]);
  }
}
