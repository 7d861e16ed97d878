import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import pTimeout from 'p-timeout';
import { sql } from 'kysely';
import { fromKysely, PgBoss } from 'pg-boss';
import { messageOf } from '../errors/message-of.js';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { JOBS_SCHEMA } from './install-jobs.js';
import { JobRunner } from './job-runner.js';

export interface Job<Data extends object> {
  id: string;
  data: Data;
  /** How often it was tried before. */
  retryCount: number;
  /** Aborted when the job takes too long, or the process shuts down; the job then counts as failed, whatever comes of it. */
  signal: AbortSignal;
}

export interface QueueDefinition<Data extends object> {
  /** Unique: letters, digits, `_`, `-`, `.` and `/`. */
  name: string;
  /** `key_strict_fifo`: jobs of one key one after the other, as they were inserted. */
  policy?: 'standard' | 'key_strict_fifo';
  retries: number;
  /** Delays grow from a second to this. */
  retryDelayMaxSeconds: number;
  /** Longest time that a job may take, 120 unless told; then it counts as failed. */
  expireInSeconds?: number;
  /** How many run at once in this process: 50 unless told. */
  concurrency?: number;
  /** How many of one group run at once, on all instances together. A job that takes long then holds up none of another group. */
  perGroup?: number;
  /** Done when it resolves; tried again when it rejects. At least once: after a crash again. */
  handle(job: Job<Data>): Promise<void>;
}

export interface NewJob {
  id?: string;
  /** Jobs with the same key wait for each other, in a queue with such a policy. */
  key?: string;
  /** In a queue with `perGroup`. */
  group?: string;
  data: object;
  startAfter?: Date;
}

const CONNECTIONS = 2;
const CONCURRENCY = 50;
const EXPIRE_SECONDS = 120;
/** A job whose worker died is given to another one after this. */
const HEARTBEAT_SECONDS = 10;
const FAILED_ARE_KEPT_SECONDS = 90 * 24 * 3600;
/** How long the start of the app waits for the queues at most. */
const READY_TIMEOUT_MS = 5_000;
const FIRST_START_DELAY_MS = 500;
const LONGEST_START_DELAY_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Work after the commit, in queues on the same database: pg-boss. Jobs are inserted in the transaction that wants them done. It
 * has a few connections of its own, so that jobs and bookings do not wait for each other.
 */
@Injectable()
export class JobQueues implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(JobQueues.name);
  private readonly definitions: Array<QueueDefinition<object>> = [];
  private readonly boss: PgBoss;
  private readonly runners: JobRunner[] = [];
  private starting: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();

  constructor(
    @Inject(ENVIRONMENT)
    { DATABASE_URL, DATABASE_QUERY_TIMEOUT_MS }: Pick<Environment, 'DATABASE_URL' | 'DATABASE_QUERY_TIMEOUT_MS'>,
  ) {
    this.boss = new PgBoss({
      connectionString: DATABASE_URL!,
      application_name: 'holdfast-jobs',
      schema: JOBS_SCHEMA,
      max: CONNECTIONS,
      migrate: false,
      superviseIntervalSeconds: 10,
      monitorIntervalSeconds: 10,
      registerInstance: false,
      // Those of its pool. A server that vanished without a word would else hold these connections for a quarter of an hour.
      ...{ keepAlive: true, query_timeout: DATABASE_QUERY_TIMEOUT_MS },
    });
    for (const event of ['error', 'warning'] as const) {
      this.boss.on(event, ({ message }: { message: string }) => this.logger.warn(`Jobs: ${message}`));
    }
  }

  /** To be called before the app has started. */
  define<Data extends object>(definition: QueueDefinition<Data>): void {
    if (this.definitions.some(({ name }) => name === definition.name)) {
      throw new Error(`There are two queues called ${definition.name}`);
    }
    this.definitions.push(definition);
  }

  /** In the transaction of `em`: they are there when it commits. */
  async insert(em: EntityManager, queue: string, jobs: readonly NewJob[]): Promise<void> {
    if (jobs.length === 0) return;
    const rows = jobs.map(({ id, key, group, data, startAfter }) => ({
      ...(id ? { id } : {}),
      ...(key ? { singletonKey: key } : {}),
      ...(group ? { group: { id: group } } : {}),
      ...(startAfter ? { startAfter } : {}),
      data,
    }));
    await this.boss.insert(queue, rows, { db: fromKysely(em.getKysely()) });
  }

  /** How many jobs wait in a queue, counted up to `max`. */
  async waiting(em: EntityManager, queue: string, max: number): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      select count(*)::integer as count from (
        select from ${sql.table(`${JOBS_SCHEMA}.job`)} where name = ${queue} and state < 'active' limit ${max}) waiting
    `.execute(em.getKysely());
    return rows[0]!.count;
  }

  /** Has a job that failed for good tried again, once the transaction of `em` commits. */
  async retry(em: EntityManager, queue: string, id: string): Promise<void> {
    await this.boss.retry(queue, id, { db: fromKysely(em.getKysely()) });
  }

  /** In the transaction of `em`. */
  async discard(em: EntityManager, queue: string, id: string): Promise<void> {
    await this.boss.deleteJob(queue, id, { db: fromKysely(em.getKysely()) });
  }

  /** Waits until jobs can be inserted, but not for long: the app can serve while jobs cannot run. */
  async onApplicationBootstrap(): Promise<void> {
    const { promise: haveQueues, resolve } = Promise.withResolvers<void>();
    this.starting = this.start(resolve);
    const timeout = setTimeout(resolve, READY_TIMEOUT_MS);
    await haveQueues;
    clearTimeout(timeout);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.runners.map((runner) => runner.stop(STOP_TIMEOUT_MS)));
    const closed = Promise.all([this.boss.stop({ graceful: true, timeout: CLOSE_TIMEOUT_MS }), this.starting]);
    await pTimeout(closed, { milliseconds: CLOSE_TIMEOUT_MS, fallback: () => this.logger.warn('Jobs: cut off by the shutdown') });
  }

  private async start(haveQueues: () => void): Promise<void> {
    const { signal } = this.stopping;
    for (let delayMs = FIRST_START_DELAY_MS; !(await this.hasQueues()); delayMs = Math.min(2 * delayMs, LONGEST_START_DELAY_MS)) {
      await sleep(delayMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
    }
    haveQueues();
    if (signal.aborted) return;
    for (const { concurrency = CONCURRENCY, expireInSeconds = EXPIRE_SECONDS, ...definition } of this.definitions) {
      const runner = new JobRunner(this.boss, { ...definition, concurrency, expireInSeconds });
      this.runners.push(runner);
      runner.start();
    }
  }

  /** Can be asked again. */
  private async hasQueues(): Promise<boolean> {
    try {
      await this.boss.start();
      for (const definition of this.definitions) await this.createQueue(definition);
      return true;
    } catch (error) {
      if (!this.stopping.signal.aborted) this.logger.warn(`Jobs do not run yet: ${messageOf(error)}`);
      return false;
    }
  }

  private async createQueue({ name, policy = 'standard', ...definition }: QueueDefinition<object>): Promise<void> {
    const options = optionsOf(definition);
    await this.boss.createQueue(name, { policy, ...options });
    await this.boss.updateQueue(name, options);
  }
}

function optionsOf(definition: Pick<QueueDefinition<object>, 'retries' | 'retryDelayMaxSeconds' | 'expireInSeconds'>) {
  return {
    retryLimit: definition.retries,
    retryDelay: 1,
    retryBackoff: true,
    retryDelayMax: definition.retryDelayMaxSeconds,
    expireInSeconds: definition.expireInSeconds ?? EXPIRE_SECONDS,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    deleteAfterSeconds: FAILED_ARE_KEPT_SECONDS,
    retentionSeconds: FAILED_ARE_KEPT_SECONDS,
  };
}
