import { Global, Module } from '@nestjs/common';
import { IdempotencyPersonalData } from './idempotency-personal-data.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { IdempotencyStore } from './idempotency.store.js';
import { PurgeIdempotencyKeysJob } from './purge-idempotency-keys.job.js';

@Global()
@Module({
  providers: [IdempotencyStore, IdempotencyInterceptor, PurgeIdempotencyKeysJob, IdempotencyPersonalData],
  exports: [IdempotencyStore, IdempotencyInterceptor],
})
export class IdempotencyModule {}
