import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { EventsModule } from '../events/index.js';
import { OrdersModule } from '../orders/index.js';
import { BookingController } from './booking.controller.js';
import { BookingService } from './booking.service.js';
import { ExpireHoldsJob } from './expire-holds.job.js';
import { BookingExtensions } from './extensions/booking-extensions.js';
import { BookingMetrics } from './metrics/booking-metrics.js';
import { InventoryMetrics } from './metrics/inventory-metrics.js';
import { LaneMetrics } from './metrics/lane-metrics.js';
import { FinishEventCancellationsJob } from './finish-event-cancellations.job.js';
import { CustomerLimitPolicy } from './policies/customer-limit.policy.js';
import { QuantityBoundsPolicy } from './policies/quantity-bounds.policy.js';
import { SalesWindowPolicy } from './policies/sales-window.policy.js';

@Module({
  imports: [DiscoveryModule, EventsModule, OrdersModule],
  controllers: [BookingController],
  providers: [
    BookingService,
    BookingExtensions,
    SalesWindowPolicy,
    QuantityBoundsPolicy,
    CustomerLimitPolicy,
    FinishEventCancellationsJob,
    ExpireHoldsJob,
    LaneMetrics,
    BookingMetrics,
    InventoryMetrics,
  ],
  exports: [BookingService],
})
export class BookingModule {}
