import { Global, Module } from '@nestjs/common';
import { AvailabilityStreams } from './availability-streams.js';
import { AvailabilityService } from './availability.service.js';
import { ExpiredHolds } from './expired-holds.js';
import { EventsController } from './events.controller.js';
import { EventsService } from './events.service.js';
import { TicketTypesController } from './ticket-types.controller.js';
import { TicketTypesService } from './ticket-types.service.js';

/** Global for {@link ExpiredHolds}, which modules on top may ask for. */
@Global()
@Module({
  controllers: [EventsController, TicketTypesController],
  providers: [EventsService, TicketTypesService, AvailabilityService, AvailabilityStreams, ExpiredHolds],
  exports: [ExpiredHolds],
})
export class EventsModule {}
