import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import pTimeout from 'p-timeout';
import type { Job as BossJob, PgBoss } from 'pg-boss';
import { JOBS_SCHEMA } from './install-jobs.js';
import type { QueueDefinition } from './job-queues.js';

type RunnerOptions = Required<Pick<QueueDefinition<object>, 'name' | 'handle' | 'concurrency' | 'expireInSeconds'>> &
  Pick<QueueDefinition<object>, 'perGroup'>;

const POLL_MS = 500;
/** When jobs have ended, others can begin: so soon they are looked for. */
const POLL_AFTER_END_MS = 50;
const FETCH_MAX = 100;
/** Well within the time after which a job counts as left behind. */
const HEARTBEAT_MS = 3_000;
/** For what an abort leaves to do. */
const ABORT_MS = 500;
const NOT_KEPT = 'What went wrong is not kept: the data was changed meanwhile.';

/**
 * Runs the jobs of one queue side by side. Each has a place of its own, which is free again when it ends; the workers of pg-boss
 * take jobs in batches instead, whose slowest job holds up the next batch.
 */
export class JobRunner {
  private readonly logger = new Logger(JobRunner.name);
  private readonly running = new Map<string, { job: BossJob; abort: AbortController; ended: Promise<void> }>();
  private done: BossJob[] = [];
  private wake = new AbortController();
  private stopped = false;
  private looping: Promise<void> = Promise.resolve();
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(
    private readonly boss: PgBoss,
    private readonly options: RunnerOptions,
  ) {}

  start(): void {
    this.looping = this.loop();
    this.heartbeat = setInterval(() => void this.beat(), HEARTBEAT_MS).unref();
  }

  /** Waits for what runs, and aborts what takes longer; that is tried again by another start. */
  async stop(timeoutMs: number): Promise<void> {
    this.stopped = true;
    this.wake.abort();
    const timer = setTimeout(() => this.running.forEach(({ abort }) => abort.abort(new Error('the process stops'))), timeoutMs);
    const ended = this.looping
      .then(() => Promise.all([...this.running.values()].map((one) => one.ended)))
      .then(() => this.settle())
      .catch((error: Error) => this.warn(error));
    await pTimeout(ended, { milliseconds: timeoutMs + ABORT_MS, fallback: () => {} });
    clearTimeout(timer);
    clearInterval(this.heartbeat);
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      const pause = await this.turn().catch((error: Error) => {
        this.warn(error);
        return POLL_MS;
      });
      if (pause === 0 || this.stopped) continue;
      const { signal } = this.wake;
      await sleep(pause, undefined, { signal, ref: false }).catch(() => sleep(this.stopped ? 0 : POLL_AFTER_END_MS));
      if (signal.aborted) this.wake = new AbortController();
    }
  }

  /** @returns how long to wait for the next one */
  private async turn(): Promise<number> {
    await this.settle();
    const { name, concurrency, perGroup } = this.options;
    const batchSize = Math.min(FETCH_MAX, concurrency - this.running.size);
    if (batchSize <= 0) return POLL_MS;
    const jobs = await this.boss.fetch<object>(name, {
      batchSize,
      ...(perGroup === undefined ? {} : { groupConcurrency: perGroup }),
    });
    for (const job of jobs) this.begin(job);
    return jobs.length === batchSize ? 0 : POLL_MS;
  }

  private begin(job: BossJob): void {
    const abort = new AbortController();
    const { expireInSeconds } = this.options;
    const timer = setTimeout(() => abort.abort(new Error(`it took longer than ${expireInSeconds} s`)), expireInSeconds * 1_000);
    const ended = this.run(job, abort.signal).finally(() => {
      clearTimeout(timer);
      this.running.delete(job.id);
      this.wake.abort();
    });
    this.running.set(job.id, { job, abort, ended });
  }

  private async run(job: BossJob, signal: AbortSignal): Promise<void> {
    try {
      const { id, data, retryCount } = job;
      // What does not heed the signal must not keep its place, or the process.
      await Promise.race([this.options.handle({ id, data, retryCount, signal }), abortionOf(signal)]);
      this.done.push(job);
    } catch (error) {
      const { message } = error as Error;
      this.logger.warn(`${this.options.name}: job ${job.id} failed, attempt ${job.retryCount + 1}: ${message}`);
      // Should this fail too, the job counts as left behind in a while, and is tried again.
      await this.fail(job, message).catch((failure: Error) => this.warn(failure));
    }
  }

  /** Whoever changed the data under the lock of the job meanwhile took a person out of it, and that person may be in the message. */
  private async fail(job: BossJob, message: string): Promise<void> {
    const { name } = this.options;
    const transaction = await this.boss.getDb().beginTransaction!();
    try {
      const { rows } = await transaction.db.executeSql(
        `select data = $3::jsonb as is_same from ${JOBS_SCHEMA}.job where name = $1 and id = $2 for update`,
        [name, job.id, JSON.stringify(job.data)],
      );
      const [row] = rows as Array<{ is_same: boolean }>;
      await this.boss.fail(name, job, { message: row?.is_same ? message : NOT_KEPT }, { db: transaction.db });
      await transaction.commit();
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
  }

  /** What is done need not be kept. */
  private async settle(): Promise<void> {
    if (this.done.length === 0) return;
    const done = this.done;
    this.done = [];
    try {
      await this.boss.deleteJob(this.options.name, done);
    } catch (error) {
      this.done.push(...done);
      throw error;
    }
  }

  private async beat(): Promise<void> {
    const alive = [...this.done, ...[...this.running.values()].map(({ job }) => job)];
    if (alive.length > 0) await this.boss.touch(this.options.name, alive).catch((error: Error) => this.warn(error));
  }

  private warn(error: Error): void {
    this.logger.warn(`${this.options.name}: ${error.message}`);
  }
}

function abortionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}
