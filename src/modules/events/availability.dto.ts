import { ApiSchema } from '@nestjs/swagger';
import { BooleanField, IntegerField, ListField, TextField, TimestampField, UuidField } from '../../platform/http/fields.js';
import { DEMO } from './demo-ids.js';
import { MAX_CAPACITY, MAX_TICKET_TYPES, NAME_BOUNDS, TIMES } from './dto-fields.js';

@ApiSchema({ name: 'TicketTypeAvailability' })
export class TicketTypeAvailabilityDto {
  @UuidField({ description: 'The ticket type.', example: DEMO.standardId })
  ticketTypeId!: string;

  @TextField({ ...NAME_BOUNDS, description: 'Its name.', example: 'Standard' })
  name!: string;

  @IntegerField({ min: 0, max: MAX_CAPACITY, description: '= held + sold + available, always.', example: 200 })
  capacity!: number;

  @IntegerField({ min: 0, max: MAX_CAPACITY, description: 'In orders that wait for their payment.', example: 3 })
  held!: number;

  @IntegerField({ min: 0, max: MAX_CAPACITY, description: 'In confirmed orders.', example: 40 })
  sold!: number;

  @IntegerField({ min: 0, max: MAX_CAPACITY, description: 'What is left.', example: 157 })
  available!: number;

  @BooleanField({ description: 'Whether it can be bought at this moment, if any are left.', example: true })
  onSale!: boolean;
}

@ApiSchema({ name: 'Availability' })
export class AvailabilityDto {
  @UuidField({ description: 'The event.', example: DEMO.eventId })
  eventId!: string;

  @TimestampField({
    description: 'The moment that all the numbers are of, by the clock of the database.',
    example: TIMES.created,
  })
  asOf!: string;

  @ListField({
    type: () => TicketTypeAvailabilityDto,
    max: MAX_TICKET_TYPES,
    description: 'In the order in which they were created.',
  })
  ticketTypes!: TicketTypeAvailabilityDto[];
}
