import { ApiSchema } from '@nestjs/swagger';
import { IntegerField, ListField, ObjectField, TextField, TimestampField, UuidField } from '../../platform/http/fields.js';
import { MoneyDto } from '../../platform/http/money.js';
import { NextCursorField, PAGE_MAX_ITEMS } from '../../platform/http/pagination.js';
import { DEMO } from './demo-ids.js';
import {
  DESCRIPTION_BOUNDS,
  idField,
  MAX_CAPACITY,
  NAME_BOUNDS,
  salesCloseAt,
  salesOpenAt,
  TIMES,
  versionField,
} from './dto-fields.js';
import { MAX_PER_ORDER } from './ticket-type.entity.js';

@ApiSchema({ name: 'CreateTicketType' })
export class CreateTicketTypeDto {
  @TextField({ ...NAME_BOUNDS, description: 'What the ticket type is called.', example: 'Balcony' })
  name!: string;

  @TextField({
    ...DESCRIPTION_BOUNDS,
    optional: true,
    nullable: true,
    description: 'Longer text.',
    example: 'Seated, with a view of the harbour.',
  })
  description?: string | null;

  @ObjectField({ type: () => MoneyDto, description: "Price of one ticket, in the event's currency." })
  price!: MoneyDto;

  @IntegerField({ min: 0, max: MAX_CAPACITY, description: 'How many there are to sell.', example: 200 })
  capacity!: number;

  @TimestampField({ optional: true, nullable: true, ...salesOpenAt })
  salesOpenAt?: string | null;

  @TimestampField({ optional: true, nullable: true, ...salesCloseAt })
  salesCloseAt?: string | null;

  @IntegerField({
    min: 1,
    max: MAX_PER_ORDER,
    optional: true,
    description: 'Least quantity in one order; 1 by default.',
    example: 1,
  })
  minPerOrder?: number;

  @IntegerField({
    min: 1,
    max: MAX_PER_ORDER,
    optional: true,
    description: `Largest quantity in one order; ${MAX_PER_ORDER} by default.`,
    example: 10,
  })
  maxPerOrder?: number;
}

@ApiSchema({ name: 'UpdateTicketType' })
export class UpdateTicketTypeDto {
  @TextField({ ...NAME_BOUNDS, optional: true, description: 'What the ticket type is called.' })
  name?: string;

  @TextField({
    ...DESCRIPTION_BOUNDS,
    optional: true,
    nullable: true,
    description: 'Longer text.',
    example: 'Free choice of seat.',
  })
  description?: string | null;

  @ObjectField({ type: () => MoneyDto, optional: true, description: 'Price of one ticket; orders that exist keep theirs.' })
  price?: MoneyDto;

  @IntegerField({
    min: 0,
    max: MAX_CAPACITY,
    optional: true,
    description: 'How many there are to sell; never under what is held and sold.',
    example: 1200,
  })
  capacity?: number;

  @TimestampField({ optional: true, nullable: true, ...salesOpenAt })
  salesOpenAt?: string | null;

  @TimestampField({ optional: true, nullable: true, ...salesCloseAt })
  salesCloseAt?: string | null;

  @IntegerField({ min: 1, max: MAX_PER_ORDER, optional: true, description: 'Least quantity in one order.' })
  minPerOrder?: number;

  @IntegerField({ min: 1, max: MAX_PER_ORDER, optional: true, description: 'Largest quantity in one order.' })
  maxPerOrder?: number;
}

@ApiSchema({ name: 'TicketType' })
export class TicketTypeDto {
  @UuidField({ ...idField, example: DEMO.standardId })
  id!: string;

  @UuidField({ description: 'Its event.', example: DEMO.eventId })
  eventId!: string;

  @TextField({ ...NAME_BOUNDS, description: 'What it is called.', example: 'Standard' })
  name!: string;

  @TextField({ ...DESCRIPTION_BOUNDS, nullable: true, description: 'Longer text.', example: 'Free choice of seat.' })
  description!: string | null;

  @ObjectField({ type: () => MoneyDto, description: 'Price of one ticket.' })
  price!: MoneyDto;

  @IntegerField({ min: 0, max: MAX_CAPACITY, description: 'How many there are to sell.', example: 200 })
  capacity!: number;

  @TimestampField({ nullable: true, ...salesOpenAt, example: null })
  salesOpenAt!: string | null;

  @TimestampField({ nullable: true, ...salesCloseAt, example: null })
  salesCloseAt!: string | null;

  @IntegerField({ min: 1, max: MAX_PER_ORDER, description: 'Least quantity in one order.', example: 1 })
  minPerOrder!: number;

  @IntegerField({ min: 1, max: MAX_PER_ORDER, description: 'Largest quantity in one order.', example: 10 })
  maxPerOrder!: number;

  @IntegerField(versionField)
  version!: number;

  @TimestampField({ description: 'When it was created.', example: TIMES.created })
  createdAt!: string;

  @TimestampField({ description: 'When it was last changed.', example: TIMES.created })
  updatedAt!: string;
}

@ApiSchema({ name: 'TicketTypePage' })
export class TicketTypePageDto {
  @ListField({ type: () => TicketTypeDto, max: PAGE_MAX_ITEMS, description: 'In the order in which they were created.' })
  items!: TicketTypeDto[];

  @NextCursorField()
  nextCursor!: string | null;
}
