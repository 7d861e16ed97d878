import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { STATEMENT_TIME } from '../database/clock.js';
import { JOBS_SCHEMA } from '../jobs/install-jobs.js';
import { Metrics } from '../observability/metrics.js';
import { PURGED } from './change-feed.js';

/** Bounds the series: consumers and queues are those of the modules that there are. */
const CONSUMERS_MAX = 50;

/** Shows how far the consumers of domain events are behind, and which facts none could take. */
@Injectable()
export class DomainEventMetrics {
  private readonly lag;
  private readonly jobs;

  constructor(
    private readonly em: EntityManager,
    metrics: Metrics,
  ) {
    this.lag = metrics.gauge({
      name: 'holdfast_domain_events_lag_seconds',
      help: 'How long the oldest domain event has waited that the consumer has not taken over; 0: none waits',
      labelNames: ['consumer'],
    });
    this.jobs = metrics.gauge({
      name: 'holdfast_jobs',
      help: 'Jobs of the queue: waiting, active, or failed for good',
      labelNames: ['queue', 'state'],
    });
    metrics.readAtScrape('domain events', [this.lag], () => this.readLag());
    metrics.readAtScrape('jobs', [this.jobs], () => this.readJobs());
  }

  private async readLag(): Promise<void> {
    const { rows } = await sql<{ consumer: string; seconds: number }>`/* read-domain-event-lag */
      select c.name as consumer, coalesce(extract(epoch from ${sql.raw(STATEMENT_TIME)} - oldest.occurred_at), 0)::float8 as seconds
        from domain_event_cursors c
        left join lateral (
          select e.occurred_at from domain_events e
           where (e.transaction_id, e.position) > (c.transaction_id, c.position)
           order by e.transaction_id, e.position limit 1) oldest on true
       where c.name <> ${PURGED}
       order by c.name limit ${CONSUMERS_MAX}
    `.execute(this.em.fork().getKysely());
    this.lag.reset();
    for (const { consumer, seconds } of rows) this.lag.set({ consumer }, Math.max(0, seconds));
  }

  private async readJobs(): Promise<void> {
    const { rows } = await sql<{ queue: string; state: string; count: number }>`/* read-jobs */
      select name as queue, case when state < 'active' then 'waiting' else state::text end as state, count(*)::float8 as count
        from ${sql.table(`${JOBS_SCHEMA}.job`)}
       where state <= 'active' or state = 'failed'
       group by 1, 2 order by 1 limit ${2 * CONSUMERS_MAX}
    `.execute(this.em.fork().getKysely());
    this.jobs.reset();
    for (const { queue, state, count } of rows) this.jobs.set({ queue, state }, count);
  }
}
