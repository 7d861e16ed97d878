import { Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';

/**
 * Work in the background: `runOnce()` every `intervalMs`, never twice at the same time in one process, until shutdown,
 * which waits for the run under way. Implementations are bounded in batch and time, and safe on every instance at once.
 */
export abstract class RecurringJob implements OnApplicationBootstrap, BeforeApplicationShutdown {
  protected readonly logger = new Logger(this.constructor.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  protected abstract readonly intervalMs: number;

  abstract runOnce(): Promise<unknown>;

  onApplicationBootstrap(): void {
    this.schedule();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.runOnce().then(
        () => this.schedule(),
        (error: Error) => {
          this.logger.warn(`Run failed, next in ${this.intervalMs} ms: ${error.message}`);
          this.schedule();
        },
      );
    }, this.intervalMs).unref();
  }
}
