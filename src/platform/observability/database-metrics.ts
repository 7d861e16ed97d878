import { MikroORM } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { connectionWatchOf, type TransactionWatch } from '../database/connection-watch.js';
import { TransactionRetry } from '../database/transaction-retry.js';
import { Metrics } from './metrics.js';
import { type Span, Tracing } from './tracing.js';

const BUCKETS_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];

/** Measures and traces what is done on the connections of this app. */
@Injectable()
export class DatabaseMetrics {
  private readonly lockWaits;
  private readonly commits;
  private readonly durationOf;

  constructor(
    private readonly tracing: Tracing,
    orm: MikroORM,
    metrics: Metrics,
    retry: TransactionRetry,
    @Inject(ENVIRONMENT) environment: Pick<Environment, 'DATABASE_POOL_MAX'>,
  ) {
    const durations = metrics.histogram({
      name: 'holdfast_transaction_duration_seconds',
      help: 'From BEGIN to the answer of COMMIT or ROLLBACK; "unknown" when COMMIT got no answer',
      labelNames: ['outcome'],
      buckets: BUCKETS_SECONDS,
    });
    // So that the first one without an answer shows as an increase.
    durations.zero({ outcome: 'unknown' });
    this.durationOf = {
      committed: durations.labels('committed'),
      'rolled-back': durations.labels('rolled-back'),
      unknown: durations.labels('unknown'),
    };
    this.lockWaits = metrics.histogram({
      name: 'holdfast_lock_wait_seconds',
      help: 'Time of the statements that lock rows, which is the wait for an event lock and one round trip',
      buckets: BUCKETS_SECONDS,
    });
    this.commits = metrics.histogram({
      name: 'holdfast_commit_duration_seconds',
      help: 'From COMMIT to its answer',
      buckets: BUCKETS_SECONDS,
    });
    const retries = metrics.counter({
      name: 'holdfast_transaction_retries_total',
      help: 'Transactions and reads that were run again after a transient failure, by its kind',
      labelNames: ['reason'],
    });
    for (const reason of ['connection-lost', 'contention', 'commit-outcome-unknown']) retries.inc({ reason }, 0);
    retry.onRetry = (reason) => retries.inc({ reason });
    const watch = connectionWatchOf(orm);
    watch.begin = () => this.begin();
    metrics.look('holdfast_pool_connections', 'Connections of the pool, idle and in use', () => watch.pool?.totalCount ?? 0);
    metrics.look('holdfast_pool_connections_idle', 'Connections of the pool that nobody uses', () => watch.pool?.idleCount ?? 0);
    metrics.look('holdfast_pool_connections_max', 'DATABASE_POOL_MAX', () => environment.DATABASE_POOL_MAX);
    metrics.look('holdfast_pool_waiting', 'Who waits for a connection of the pool', () => watch.pool?.waitingCount ?? 0);
  }

  private begin(): TransactionWatch {
    const beganAt = performance.now();
    const span = this.tracing.startSpan('transaction', { startedAt: beganAt });
    return {
      locked: (askedAt) => {
        this.lockWaits.observe((performance.now() - askedAt) / 1000);
        if (span) this.part(span, 'lock', askedAt);
      },
      ended: (outcome, askedAt) => {
        const now = performance.now();
        this.durationOf[outcome].observe((now - beganAt) / 1000);
        if (outcome === 'committed') this.commits.observe((now - askedAt) / 1000);
        if (!span) return;
        this.part(span, outcome === 'rolled-back' ? 'rollback' : 'commit', askedAt);
        span.set({ outcome });
        span.end(outcome === 'committed' ? undefined : outcome);
      },
    };
  }

  private part(transaction: Span, name: string, startedAt: number): void {
    this.tracing.tracer?.startSpan(name, { parent: transaction.context, startedAt }).end();
  }
}
