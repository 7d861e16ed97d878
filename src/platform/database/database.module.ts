import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver, type Options } from '@mikro-orm/postgresql';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { TransactionRetry } from './transaction-retry.js';

@Global()
@Module({})
export class DatabaseModule {
  static forRoot(options: Options): DynamicModule {
    return {
      module: DatabaseModule,
      // No entity manager per request: each use case forks its own, so that nothing stale is read under a lock.
      imports: [MikroOrmModule.forRoot({ ...options, driver: PostgreSqlDriver, registerRequestContext: false })],
      providers: [TransactionRetry],
      exports: [TransactionRetry],
    };
  }
}
