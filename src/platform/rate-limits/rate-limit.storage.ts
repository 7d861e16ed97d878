import { EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { CompiledQuery } from 'kysely';
import { RateLimiterMemory, RateLimiterPostgres, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { WINDOW_SECONDS } from './rate-limit.js';

/** No limit of its own: each caller is measured by the limit of its kind. */
const OPTIONS = { points: Number.MAX_SAFE_INTEGER, duration: WINDOW_SECONDS };

/**
 * Counts the requests of callers: in this process, or in the database for all instances together (RATE_LIMIT_STORE). While the
 * database cannot be reached, this process counts for itself.
 */
@Injectable()
export class RateLimitStorage implements ThrottlerStorage {
  private readonly limiter: RateLimiterAbstract;

  constructor(em: EntityManager, @Inject(ENVIRONMENT) { RATE_LIMIT_STORE }: Pick<Environment, 'RATE_LIMIT_STORE'>) {
    const memory = new RateLimiterMemory(OPTIONS);
    this.limiter = RATE_LIMIT_STORE === 'memory' ? memory : postgresLimiter(em, memory);
  }

  async increment(key: string, _ttl: number, limit: number) {
    const { consumedPoints, msBeforeNext } = await this.limiter.consume(key);
    const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
    return {
      totalHits: consumedPoints,
      timeToExpire: seconds,
      isBlocked: consumedPoints > limit,
      timeToBlockExpire: seconds,
    };
  }
}

function postgresLimiter(em: EntityManager, insuranceLimiter: RateLimiterAbstract): RateLimiterPostgres {
  const query = ({ text, values }: { text: string; values: unknown[] }) =>
    em.fork().getKysely().executeQuery(CompiledQuery.raw(text, values));
  return new RateLimiterPostgres({
    ...OPTIONS,
    storeClient: { query },
    storeType: 'pool',
    tableName: 'rate_limits',
    // Made by our migration.
    tableCreated: true,
    clearExpiredByTimeout: true,
    insuranceLimiter,
  });
}
