import { ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  EnumField,
  IntegerField,
  ListField,
  MetadataField,
  CurrencyField,
  TextField,
  TimeZoneField,
  TimestampField,
  UuidField,
} from '../../platform/http/fields.js';
import { NextCursorField, PAGE_MAX_ITEMS, PageQueryDto } from '../../platform/http/pagination.js';
import { DEMO } from './demo-ids.js';
import {
  DESCRIPTION_BOUNDS,
  idField,
  MAX_CUSTOMER_LIMIT,
  MAX_TICKET_TYPES,
  NAME_BOUNDS,
  salesCloseAt,
  salesOpenAt,
  TIMES,
  VENUE_BOUNDS,
  versionField,
} from './dto-fields.js';
import { EVENT_STATUSES, type EventStatus } from './event-status.js';
import { TicketTypeDto } from './ticket-types.dto.js';

@ApiSchema({ name: 'CreateEvent' })
export class CreateEventDto {
  @TextField({ ...NAME_BOUNDS, description: 'What the event is called.', example: 'Midsummer Night Concert' })
  name!: string;

  @TextField({
    ...DESCRIPTION_BOUNDS,
    optional: true,
    nullable: true,
    description: 'Longer text.',
    example: 'Two sets under the open sky.',
  })
  description?: string | null;

  @TextField({ ...VENUE_BOUNDS, optional: true, nullable: true, description: 'Where it takes place.', example: 'Harbour Stage' })
  venue?: string | null;

  @TimestampField({ description: 'When it starts; sales end then at the latest.', example: TIMES.starts })
  startsAt!: string;

  @TimestampField({ optional: true, nullable: true, description: 'When it ends.', example: TIMES.ends })
  endsAt?: string | null;

  @TimeZoneField({ description: 'IANA time zone of the venue.', example: 'Europe/Berlin' })
  timeZone!: string;

  @CurrencyField({ description: 'ISO 4217 code of all its prices; cannot be changed.', example: 'EUR' })
  currency!: string;

  @TimestampField({ optional: true, nullable: true, ...salesOpenAt })
  salesOpenAt?: string | null;

  @TimestampField({ optional: true, nullable: true, ...salesCloseAt })
  salesCloseAt?: string | null;

  @IntegerField({
    min: 1,
    max: MAX_CUSTOMER_LIMIT,
    optional: true,
    nullable: true,
    description: 'Most tickets that one customer may have; null: no limit.',
    example: 10,
  })
  maxTicketsPerCustomer?: number | null;

  @MetadataField({ optional: true, description: 'Your own data.', example: { season: 'summer' } })
  metadata?: Record<string, string>;
}

@ApiSchema({ name: 'UpdateEvent' })
export class UpdateEventDto {
  @TextField({ ...NAME_BOUNDS, optional: true, description: 'What the event is called.' })
  name?: string;

  @TextField({
    ...DESCRIPTION_BOUNDS,
    optional: true,
    nullable: true,
    description: 'Longer text.',
    example: 'Three sets under the open sky.',
  })
  description?: string | null;

  @TextField({ ...VENUE_BOUNDS, optional: true, nullable: true, description: 'Where it takes place.' })
  venue?: string | null;

  @TimestampField({ optional: true, description: 'When it starts.' })
  startsAt?: string;

  @TimestampField({ optional: true, nullable: true, description: 'When it ends.' })
  endsAt?: string | null;

  @TimeZoneField({ optional: true, description: 'IANA time zone of the venue.' })
  timeZone?: string;

  @TimestampField({ optional: true, nullable: true, ...salesOpenAt })
  salesOpenAt?: string | null;

  @TimestampField({ optional: true, nullable: true, ...salesCloseAt })
  salesCloseAt?: string | null;

  @IntegerField({
    min: 1,
    max: MAX_CUSTOMER_LIMIT,
    optional: true,
    nullable: true,
    description: 'Most tickets that one customer may have.',
  })
  maxTicketsPerCustomer?: number | null;

  @MetadataField({ optional: true, description: 'Replaces all of your own data.' })
  metadata?: Record<string, string>;
}

@ApiSchema({ name: 'Event' })
export class EventDto {
  @UuidField({ ...idField, example: DEMO.eventId })
  id!: string;

  @TextField({ ...NAME_BOUNDS, description: 'What it is called.', example: 'Midsummer Night Concert' })
  name!: string;

  @TextField({ ...DESCRIPTION_BOUNDS, nullable: true, description: 'Longer text.', example: 'Two sets under the open sky.' })
  description!: string | null;

  @TextField({ ...VENUE_BOUNDS, nullable: true, description: 'Where it takes place.', example: 'Harbour Stage' })
  venue!: string | null;

  @TimestampField({ description: 'When it starts.', example: TIMES.starts })
  startsAt!: string;

  @TimestampField({ nullable: true, description: 'When it ends.', example: TIMES.ends })
  endsAt!: string | null;

  @TimeZoneField({ description: 'IANA time zone of the venue.', example: 'Europe/Berlin' })
  timeZone!: string;

  @CurrencyField({ description: 'ISO 4217 code of all its prices.', example: 'EUR' })
  currency!: string;

  @EnumField({ values: EVENT_STATUSES, name: 'EventStatus', description: 'Only a published event sells.', example: 'published' })
  status!: EventStatus;

  @TimestampField({ nullable: true, ...salesOpenAt, example: null })
  salesOpenAt!: string | null;

  @TimestampField({ nullable: true, ...salesCloseAt, example: null })
  salesCloseAt!: string | null;

  @IntegerField({
    min: 1,
    max: MAX_CUSTOMER_LIMIT,
    nullable: true,
    description: 'Most tickets that one customer may have.',
    example: 10,
  })
  maxTicketsPerCustomer!: number | null;

  @MetadataField({ description: 'Your own data.', example: { season: 'summer' } })
  metadata!: Record<string, string>;

  @ListField({ type: () => TicketTypeDto, max: MAX_TICKET_TYPES, description: 'In the order in which they were created.' })
  ticketTypes!: TicketTypeDto[];

  @IntegerField({
    ...versionField,
    description: 'Grows with each change of the event or of the definition of a ticket type; the ETag.',
  })
  version!: number;

  @TimestampField({ description: 'When it was created.', example: TIMES.created })
  createdAt!: string;

  @TimestampField({ description: 'When it was last changed.', example: TIMES.created })
  updatedAt!: string;
}

@ApiSchema({ name: 'EventPage' })
export class EventPageDto {
  @ListField({ type: () => EventDto, max: PAGE_MAX_ITEMS, description: 'Soonest first.' })
  items!: EventDto[];

  @NextCursorField()
  nextCursor!: string | null;
}

export class EventQueryDto extends PageQueryDto {
  @EnumField({ values: EVENT_STATUSES, name: 'EventStatus', optional: true, description: 'Only events in this state.' })
  status?: EventStatus;

  @TimestampField({ optional: true, description: 'Only events that start at this time or later.' })
  startsAfter?: string;

  @TimestampField({ optional: true, description: 'Only events that start before this time.' })
  startsBefore?: string;

  @TextField({
    min: 1,
    max: 200,
    optional: true,
    description: 'Only events with this text in name, venue or description, in any case.',
  })
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  q?: string;
}
