import { Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import pTimeout from 'p-timeout';
import { rootMessageOf } from '../errors/message-of.js';

const STOP_TIMEOUT_MS = 5_000;

/**
 * Work in the background: `runOnce()` every `intervalMs`, never twice at the same time in one process, until shutdown,
 * which waits for the run under way, for five seconds at most. Implementations are bounded in batch and time, look at
 * `isStopped` between batches (as {@link runBatches} does), and are safe on every instance at once, and whenever they are cut off.
 */
export abstract class RecurringJob implements OnApplicationBootstrap, BeforeApplicationShutdown {
  protected readonly logger = new Logger(this.constructor.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  /** The shutdown has begun: to be looked at where a run can be left. */
  protected get isStopped(): boolean {
    return this.stopped;
  }

  protected abstract readonly intervalMs: number;

  abstract runOnce(): Promise<unknown>;

  onApplicationBootstrap(): void | Promise<void> {
    this.schedule();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const fallback = () => this.logger.warn('The shutdown does not wait for the run under way any longer');
    await pTimeout(this.running, { milliseconds: STOP_TIMEOUT_MS, fallback });
  }

  /** Runs batches until one is not full, or the run has had its share, or the shutdown begins. @returns how many rows in all */
  protected async runBatches(size: number, batchesMax: number, runBatch: () => Promise<number>): Promise<number> {
    let total = 0;
    for (let batch = 0; batch < batchesMax && !this.isStopped; batch++) {
      const count = await runBatch();
      total += count;
      if (count < size) break;
    }
    return total;
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.runOnce().then(
        () => this.schedule(),
        (error: Error) => {
          this.logger.warn(`Run failed, next in ${this.intervalMs} ms: ${rootMessageOf(error)}`);
          this.schedule();
        },
      );
    }, this.intervalMs).unref();
  }
}
