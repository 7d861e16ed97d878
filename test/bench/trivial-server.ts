import 'reflect-metadata';
import { Body, Controller, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { setUpApp } from '../../src/app.setup.js';
import { BookingDto } from '../../src/modules/booking/booking.dto.js';
import type { OrderDto } from '../../src/modules/orders/index.js';
import { ConfigModule } from '../../src/platform/config/config.module.js';
import { readEnvironment } from '../../src/platform/config/environment.js';
import { TransactionRetry } from '../../src/platform/database/transaction-retry.js';
import { PathId } from '../../src/platform/http/path-id.js';
import { SchemaExtensionsModule } from '../../src/platform/http/schema-extensions.module.js';
import { ShutdownGate } from '../../src/platform/http/shutdown-gate.js';
import { Metrics } from '../../src/platform/observability/metrics.js';
import { RequestWatch } from '../../src/platform/observability/request-watch.js';
import { Tracing } from '../../src/platform/observability/tracing.js';
import { AddressLimits } from '../../src/platform/rate-limits/address-limits.js';
import { confirmedOrder } from './bookings.js';
import { LIMITS_THAT_NOBODY_REACHES } from './limits.js';

/**
 * The floor called "trivial": the route of a booking on the app's own stack (the very `setUpApp`, so the same body parser,
 * validation, interceptors and filter), which answers an order that it has at hand and asks no database.
 */
@Controller({ version: '1' })
class TrivialController {
  private readonly order = confirmedOrder(
    { eventId: '019a0000-0000-7000-8000-000000000001', ticketTypeIds: ['019a0000-0000-7000-8000-000000000002'] },
    { id: '019a0000-0000-7000-8000-0000000000a1', sequence: 4_242, email: 'buyer-4242@example.com', now: new Date() },
  );

  @Post('events/:eventId/bookings')
  book(@PathId('eventId') _eventId: string, @Body() _dto: BookingDto): OrderDto {
    return this.order;
  }
}

const environment = readEnvironment(LIMITS_THAT_NOBODY_REACHES);

@Module({
  imports: [ConfigModule.forRoot(environment), SchemaExtensionsModule],
  controllers: [TrivialController],
  providers: [
    ShutdownGate,
    { provide: TransactionRetry, useValue: new TransactionRetry(undefined as never, environment) },
    AddressLimits,
    Metrics,
    Tracing.provider,
    RequestWatch,
  ],
})
class TrivialModule {}

const app = await NestFactory.create<NestExpressApplication>(TrivialModule, { bodyParser: false, logger: ['error', 'warn'] });
setUpApp(app);
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(`API: ${await app.getUrl()}/v1`);
