import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT } from '../../platform/config/config.module.js';
import type { Environment } from '../../platform/config/environment.js';
import { rootMessageOf } from '../../platform/errors/message-of.js';
import { RecurringJob } from '../../platform/jobs/recurring-job.js';
import { describeDrift } from './drift.js';
import type { RunResult } from './reconciliation-runs.js';
import { ReconciliationService } from './reconciliation.service.js';

/** Reconciles once a night, on one instance, and repairs nothing. A night that was missed is made up for. */
@Injectable()
export class ReconcileJob extends RecurringJob {
  protected readonly intervalMs = 5 * 60_000;
  private readonly stop = new AbortController();

  constructor(
    private readonly reconciliation: ReconciliationService,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'RECONCILE_HOUR'>,
  ) {
    super();
  }

  /** @returns null when it is not due, or another instance does it */
  async runOnce(): Promise<RunResult | null> {
    const { RECONCILE_HOUR: nightlyHour } = this.environment;
    if (nightlyHour < 0) return null;
    const result = await this.reconciliation.run({
      repair: false,
      nightlyHour,
      signal: this.stop.signal,
      onDrift: (drift) => this.logger.error(`Drift. ${describeDrift(drift)}`),
      onMore: (eventId) => this.logger.error(`Drift. Event ${eventId}: there is more than was counted`),
      onFailure: (eventId, error) => this.logger.error(`Event ${eventId} could not be checked: ${rootMessageOf(error)}`),
    });
    if (result) this.logger.log(`Reconciled ${result.eventsChecked} events: ${result.drifts} drifts`);
    return result;
  }

  override async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await super.beforeApplicationShutdown();
  }
}
