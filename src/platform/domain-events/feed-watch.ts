import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { newestPlace } from './change-feed.js';
import { type FeedPlace, isBefore } from './feed-place.js';

const POLL_MS = 200;

interface Waiter {
  after: FeedPlace;
  wake: () => void;
}

/** Lets requests wait for news in the feed. While somebody waits, the process asks one query for all of them. */
@Injectable()
export class FeedWatch implements OnModuleDestroy {
  private readonly logger = new Logger(FeedWatch.name);
  private readonly waiters = new Set<Waiter>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly em: EntityManager) {}

  /** Resolves when there may be something after the place, the time is over, the client has gone, or the process shuts down. */
  async newsAfter(after: FeedPlace, timeoutMs: number, gone: AbortSignal): Promise<void> {
    if (this.stopped || gone.aborted || timeoutMs <= 0) return;
    const { promise, resolve: wake } = Promise.withResolvers<void>();
    const waiter: Waiter = { after, wake };
    this.waiters.add(waiter);
    const timeout = setTimeout(wake, timeoutMs);
    gone.addEventListener('abort', () => wake(), { once: true });
    this.timer ??= setTimeout(() => void this.poll(), POLL_MS);
    await promise;
    clearTimeout(timeout);
    this.waiters.delete(waiter);
  }

  /** Whether waiting has come to its end for all. */
  get isStopped(): boolean {
    return this.stopped;
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const { wake } of this.waiters) wake();
  }

  private async poll(): Promise<void> {
    try {
      const newest = await newestPlace(this.em.fork());
      if (newest) for (const { after, wake } of this.waiters) if (isBefore(after, newest)) wake();
    } catch (error) {
      this.logger.warn(`The feed cannot be looked at: ${(error as Error).message}`);
    }
    this.timer = undefined;
    if (!this.stopped && this.waiters.size > 0) this.timer = setTimeout(() => void this.poll(), POLL_MS);
  }
}
