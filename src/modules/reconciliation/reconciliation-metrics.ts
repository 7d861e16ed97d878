import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT } from '../../platform/config/config.module.js';
import type { Environment } from '../../platform/config/environment.js';
import { Metrics } from '../../platform/observability/metrics.js';
import { ReconciliationService } from './reconciliation.service.js';

/** Shows what the last complete count of everything found. */
@Injectable()
export class ReconciliationMetrics {
  private readonly drifts;
  private readonly eventsFailed;
  private readonly finishedAt;

  constructor(
    private readonly reconciliation: ReconciliationService,
    metrics: Metrics,
    @Inject(ENVIRONMENT) { RECONCILE_HOUR: nightlyHour }: Pick<Environment, 'RECONCILE_HOUR'>,
  ) {
    // Without it nobody could tell a night that was missed from one that is not wanted.
    metrics.look('holdfast_reconciliation_scheduled', '1 when there is a nightly reconciliation', () =>
      nightlyHour < 0 ? 0 : 1,
    );
    this.drifts = metrics.gauge({
      name: 'holdfast_reconciliation_drifts',
      help: 'Counts that the last complete reconciliation found to be wrong, and did not repair',
    });
    this.eventsFailed = metrics.gauge({
      name: 'holdfast_reconciliation_events_failed',
      help: 'Events that the last complete reconciliation could not check',
    });
    this.finishedAt = metrics.gauge({
      name: 'holdfast_reconciliation_timestamp_seconds',
      help: 'When the last complete reconciliation ended; 0: never',
    });
    metrics.readAtScrape('reconciliation', [this.drifts, this.eventsFailed, this.finishedAt], () => this.read());
  }

  private async read(): Promise<void> {
    const last = await this.reconciliation.last();
    this.drifts.set(last ? last.drifts - last.repaired : 0);
    this.eventsFailed.set(last?.eventsFailed ?? 0);
    this.finishedAt.set(last ? last.finishedAt.getTime() / 1000 : 0);
  }
}
