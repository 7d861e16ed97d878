import { EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { MemoryCounter } from './memory-counter.js';
import { PostgresCounter } from './postgres-counter.js';

/** Counts the requests of callers for @nestjs/throttler: in this process, or in the database for all of them (RATE_LIMIT_STORE). */
@Injectable()
export class RateLimitStorage implements ThrottlerStorage {
  private readonly counter: MemoryCounter | PostgresCounter;

  constructor(em: EntityManager, @Inject(ENVIRONMENT) { RATE_LIMIT_STORE }: Pick<Environment, 'RATE_LIMIT_STORE'>) {
    this.counter = RATE_LIMIT_STORE === 'memory' ? new MemoryCounter() : new PostgresCounter(em);
  }

  async increment(key: string, _ttl: number, limit: number) {
    const { used, resetSeconds } = await this.counter.hit(key);
    return { totalHits: used, timeToExpire: resetSeconds, isBlocked: used > limit, timeToBlockExpire: resetSeconds };
  }
}
