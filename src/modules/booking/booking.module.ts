import { Module } from '@nestjs/common';
import { EventsModule } from '../events/index.js';
import { OrdersModule } from '../orders/index.js';
import { BookingController } from './booking.controller.js';
import { BookingService } from './booking.service.js';
import { ExpireHoldsJob } from './expire-holds.job.js';
import { FinishEventCancellationsJob } from './finish-event-cancellations.job.js';

@Module({
  imports: [EventsModule, OrdersModule],
  controllers: [BookingController],
  providers: [BookingService, FinishEventCancellationsJob, ExpireHoldsJob],
  exports: [BookingService],
})
export class BookingModule {}
