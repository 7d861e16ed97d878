import type { EntityManager } from '@mikro-orm/postgresql';
import { Logger } from '@nestjs/common';
import pTimeout from 'p-timeout';
import { CompiledQuery } from 'kysely';
import { RateLimiterPostgres } from 'rate-limiter-flexible';
import { MemoryCounter } from './memory-counter.js';
import { type Consumption, WINDOW_SECONDS } from './rate-limit.js';

/** How long the database is left alone after it did not count. */
const REST_MS = 1_000;
const WARNING_INTERVAL_MS = 60_000;

type Resolve = (consumption: Consumption) => void;

interface Query {
  name: string;
  text: string;
  values: unknown[];
}

/**
 * Counts in the database, for all instances together. Hits of one key that come while it is being counted share the next
 * statement: every request of a shop has the same key, and one by one they would queue for its row. While the database does
 * not count, this process counts for itself, so that nobody waits or is refused because of it.
 */
export class PostgresCounter {
  /** Longer than that no request waits for being counted. */
  answerTimeoutMs = 500;
  private readonly logger = new Logger(PostgresCounter.name);
  private readonly limiter: RateLimiterPostgres;
  private readonly meanwhile = new MemoryCounter();
  /** What waits for each key that is being counted. */
  private readonly waiting = new Map<string, Resolve[]>();
  private restsUntilMs = 0;
  private warnedAtMs = -Infinity;

  constructor(em: EntityManager) {
    this.limiter = new RateLimiterPostgres({
      storeClient: { query: (query: Query) => execute(em, query) },
      storeType: 'pool',
      tableName: 'rate_limits',
      // Made by our migration.
      tableCreated: true,
      clearExpiredByTimeout: false,
      // No limit of its own: each caller is measured by the limit of its kind.
      points: Number.MAX_SAFE_INTEGER,
      duration: WINDOW_SECONDS,
    });
  }

  hit(key: string): Promise<Consumption> {
    return new Promise((resolve) => {
      const waiting = this.waiting.get(key);
      if (waiting) waiting.push(resolve);
      else void this.count(key, [resolve]);
    });
  }

  private async count(key: string, hits: readonly Resolve[]): Promise<void> {
    this.waiting.set(key, []);
    const total = await this.add(key, hits.length);
    for (const [index, resolve] of hits.entries()) {
      if (total) resolve({ ...total, used: total.used - hits.length + index + 1 });
      else resolve(this.meanwhile.hit(key));
    }
    const next = this.waiting.get(key)!;
    if (next.length > 0) void this.count(key, next);
    else this.waiting.delete(key);
  }

  /** @returns null when the database does not count */
  private async add(key: string, hits: number): Promise<Consumption | null> {
    if (performance.now() < this.restsUntilMs) return null;
    try {
      const { consumedPoints, msBeforeNext } = await this.inTime(this.limiter.consume(key, hits));
      return { used: consumedPoints, resetSeconds: Math.max(1, Math.ceil(msBeforeNext / 1_000)) };
    } catch (error) {
      this.restsUntilMs = performance.now() + REST_MS;
      this.warn(error as Error);
      return null;
    }
  }

  private inTime<T>(work: Promise<T>): Promise<T> {
    const milliseconds = this.answerTimeoutMs;
    return pTimeout(work, { milliseconds, message: `no answer within ${milliseconds} ms` });
  }

  private warn({ message }: Error): void {
    if (performance.now() - this.warnedAtMs < WARNING_INTERVAL_MS) return;
    this.warnedAtMs = performance.now();
    this.logger.warn(`The database does not count requests, so this process does for itself: ${message}`);
  }
}

function execute(em: EntityManager, { name, text, values }: Query): Promise<{ rows: unknown[] }> {
  // Under a name it is prepared once per connection, see pg-client.ts.
  const named = `/* ${name.split(':').at(-1)} */ ${text}`;
  return em.fork().getKysely().executeQuery(CompiledQuery.raw(named, values));
}
