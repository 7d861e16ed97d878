import { Global, Module, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ThrottlerModule } from '@nestjs/throttler';
import type { Request } from 'express';
import { principalOf } from '../auth/principal.js';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { AddressLimits } from './address-limits.js';
import { CallerLimitGuard } from './caller-limit.guard.js';
import { WINDOW_SECONDS } from './rate-limit.js';
import { PurgeRateLimitsJob } from './purge-rate-limits.job.js';
import { RateLimitStorage } from './rate-limit.storage.js';

type Limits = Pick<Environment, 'RATE_LIMIT_API_KEY_PER_MINUTE' | 'RATE_LIMIT_CUSTOMER_PER_MINUTE'>;

/** Anonymous callers are limited by their address only. */
function limitOf(limits: Limits, context: ExecutionContext): number {
  const { kind } = principalOf(context.switchToHttp().getRequest<Request>());
  if (kind === 'api-key') return limits.RATE_LIMIT_API_KEY_PER_MINUTE;
  return kind === 'user' ? limits.RATE_LIMIT_CUSTOMER_PER_MINUTE : 0;
}

@Module({ providers: [RateLimitStorage], exports: [RateLimitStorage] })
class RateLimitStorageModule {}

/** Comes after the module of access: guards run in the order of their modules. */
@Global()
@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      imports: [RateLimitStorageModule],
      inject: [ENVIRONMENT, RateLimitStorage],
      useFactory: (limits: Limits, storage: RateLimitStorage) => ({
        throttlers: [{ name: 'caller', ttl: WINDOW_SECONDS * 1000, limit: (context) => limitOf(limits, context) }],
        storage,
      }),
    }),
  ],
  providers: [AddressLimits, PurgeRateLimitsJob, { provide: APP_GUARD, useClass: CallerLimitGuard }],
  exports: [AddressLimits],
})
export class RateLimitsModule {}
