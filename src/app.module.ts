import type { Options } from '@mikro-orm/postgresql';
import { Module, type DynamicModule } from '@nestjs/common';
import { BookingModule } from './modules/booking/index.js';
import { EventsModule } from './modules/events/index.js';
import { OrdersModule } from './modules/orders/index.js';
import { AuthModule } from './platform/auth/auth.module.js';
import { ConfigModule } from './platform/config/config.module.js';
import type { Environment } from './platform/config/environment.js';
import { DatabaseModule } from './platform/database/database.module.js';
import { HealthModule } from './platform/health/health.module.js';
import { IdempotencyModule } from './platform/idempotency/idempotency.module.js';

@Module({})
export class AppModule {
  static forRoot(environment: Environment, orm: Options): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(environment),
        DatabaseModule.forRoot(orm),
        IdempotencyModule,
        AuthModule,
        HealthModule,
        EventsModule,
        OrdersModule,
        BookingModule,
      ],
    };
  }
}
