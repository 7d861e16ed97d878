import { Injectable } from '@nestjs/common';
import { Metrics } from '../../extension.js';
import { type Attempt, hasSucceeded } from './webhook-sender.js';

const BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts what came of the attempts to deliver, and how long the answers took. */
@Injectable()
export class WebhookMetrics {
  private readonly attempts;
  private readonly durations;

  constructor(metrics: Metrics) {
    this.attempts = metrics.counter({
      name: 'holdfast_webhook_attempts_total',
      help: 'Attempts to deliver a webhook: succeeded, refused (another status than 2xx), or failed (no answer)',
      labelNames: ['outcome'],
    });
    this.durations = metrics.histogram({
      name: 'holdfast_webhook_duration_seconds',
      help: 'How long an attempt to deliver a webhook took, until the answer or the failure',
      buckets: BUCKETS_SECONDS,
    });
    for (const outcome of ['succeeded', 'refused', 'failed']) this.attempts.inc({ outcome }, 0);
  }

  note(made: Attempt): void {
    this.attempts.inc({ outcome: made.status === null ? 'failed' : hasSucceeded(made) ? 'succeeded' : 'refused' });
    this.durations.observe(made.latencyMs / 1_000);
  }
}
