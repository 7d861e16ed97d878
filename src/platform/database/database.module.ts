import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver, type Options } from '@mikro-orm/postgresql';
import { Global, Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { ConnectionCircuit } from './connection-circuit.js';
import { circuitOf } from './orm-options.js';
import { ReplicaReads } from './replica-reads.js';
import { TransactionRetry } from './transaction-retry.js';

@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(ConnectionCircuit) private readonly circuit: ConnectionCircuit) {}

  onApplicationShutdown(): void {
    this.circuit.stop();
  }

  static forRoot(options: Options): DynamicModule {
    return {
      module: DatabaseModule,
      // Modules on top bring their entities by `forFeature`.
      // No entity manager per request: each use case forks its own, so that nothing stale is read under a lock.
      imports: [
        MikroOrmModule.forRoot({ ...options, driver: PostgreSqlDriver, registerRequestContext: false, autoLoadEntities: true }),
      ],
      providers: [TransactionRetry, ReplicaReads, { provide: ConnectionCircuit, useFactory: () => circuitOf(options) }],
      exports: [TransactionRetry, ReplicaReads, ConnectionCircuit],
    };
  }
}
