import { Global, Module } from '@nestjs/common';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { IdempotencyStore } from './idempotency.store.js';
import { PurgeIdempotencyKeysJob } from './purge-idempotency-keys.job.js';

@Global()
@Module({
  providers: [IdempotencyStore, IdempotencyInterceptor, PurgeIdempotencyKeysJob],
  exports: [IdempotencyStore, IdempotencyInterceptor],
})
export class IdempotencyModule {}
