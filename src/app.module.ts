import type { Options } from '@mikro-orm/postgresql';
import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { BookingModule } from './modules/booking/index.js';
import { CustomersModule } from './modules/customers/index.js';
import { EventsModule } from './modules/events/index.js';
import { OrdersModule } from './modules/orders/index.js';
import { ReconciliationModule } from './modules/reconciliation/index.js';
import { AuditModule } from './platform/audit/audit.module.js';
import { VouchersModule } from './modules/vouchers/index.js';
import { WebhooksModule } from './modules/webhooks/index.js';
import { AuthModule } from './platform/auth/auth.module.js';
import { ConfigModule } from './platform/config/config.module.js';
import type { Environment } from './platform/config/environment.js';
import { DatabaseModule } from './platform/database/database.module.js';
import { DomainEventsModule } from './platform/domain-events/domain-events.module.js';
import { HealthModule } from './platform/health/health.module.js';
import { SchemaExtensionsModule } from './platform/http/schema-extensions.module.js';
import { IdempotencyModule } from './platform/idempotency/idempotency.module.js';
import { PersonalDataModule } from './platform/personal-data/personal-data.module.js';
import { ObservabilityModule } from './platform/observability/observability.module.js';
import { RateLimitsModule } from './platform/rate-limits/rate-limits.module.js';

export type ModulesOnTop = NonNullable<ModuleMetadata['imports']>;

/** The modules on the extension contract: a new one is its folder, and a line here. */
export const MODULES_ON_TOP: ModulesOnTop = [VouchersModule, WebhooksModule];

@Module({})
export class AppModule {
  /** @param modules those on top of the core, for who builds an app of their own */
  static forRoot(environment: Environment, orm: Options, modules: ModulesOnTop = MODULES_ON_TOP): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(environment),
        DatabaseModule.forRoot(orm),
        PersonalDataModule,
        ObservabilityModule,
        IdempotencyModule,
        AuthModule,
        AuditModule,
        RateLimitsModule,
        HealthModule,
        SchemaExtensionsModule,
        DomainEventsModule,
        EventsModule,
        OrdersModule,
        BookingModule,
        ReconciliationModule,
        CustomersModule,
        ...modules,
      ],
    };
  }
}
