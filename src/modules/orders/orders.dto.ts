import { ApiSchema } from '@nestjs/swagger';
import {
  EmailField,
  EnumField,
  IntegerField,
  ListField,
  MetadataField,
  ObjectField,
  TextField,
  TimestampField,
  UuidField,
} from '../../platform/http/fields.js';
import { MoneyDto, SignedMoneyDto } from '../../platform/http/money.js';
import { NextCursorField, PAGE_MAX_ITEMS, PageQueryDto } from '../../platform/http/pagination.js';
import { COUNTER_BOUNDS } from '../../platform/http/value-schemas.js';
import { DEMO, NAME_BOUNDS } from '../events/index.js';
import {
  ACTOR_BOUNDS,
  CANCEL_REASON_BOUNDS,
  CUSTOMER_NAME_BOUNDS,
  MAX_ORDER_ITEMS,
  PAYMENT_REFERENCE_BOUNDS,
  QUANTITY_BOUNDS,
} from './dto-fields.js';
import { MAX_ADJUSTMENTS } from './pricing.js';
import { ORDER_STATUSES, ORDER_STEPS, type OrderStatus, type OrderStep } from './order-state.js';

const orderId = '019a0000-0000-7000-8000-0000000000a1';
const bookedAt = '2035-01-15T09:30:00.000Z';
const sequence = { ...COUNTER_BOUNDS, example: 42 };

@ApiSchema({ name: 'Customer' })
export class CustomerDto {
  @EmailField({ description: 'E-mail address.', example: 'ada@example.com' })
  email!: string;

  @TextField({ ...CUSTOMER_NAME_BOUNDS, nullable: true, description: 'Name.', example: 'Ada' })
  name!: string | null;
}

@ApiSchema({ name: 'OrderItem' })
export class OrderItemDto {
  @UuidField({ description: 'The ticket type.', example: DEMO.standardId })
  ticketTypeId!: string;

  @TextField({ ...NAME_BOUNDS, description: 'Its name when it was booked.', example: 'Standard' })
  name!: string;

  @IntegerField({ ...QUANTITY_BOUNDS, description: 'How many tickets.', example: 2 })
  quantity!: number;

  @ObjectField({ type: () => MoneyDto, description: 'Price of one when it was booked.' })
  unitPrice!: MoneyDto;

  @ObjectField({ type: () => MoneyDto, description: 'quantity × unitPrice.', example: { amount: 9000, currency: 'EUR' } })
  subtotal!: MoneyDto;
}

@ApiSchema({ name: 'OrderAdjustment' })
export class OrderAdjustmentDto {
  @TextField({ min: 1, max: 40, description: 'For programs: what kind of line it is.', example: 'voucher' })
  code!: string;

  @TextField({ ...NAME_BOUNDS, description: 'For people.', example: 'Voucher SPRING: 10 % off' })
  label!: string;

  @ObjectField({
    type: () => SignedMoneyDto,
    description: 'What it adds to the total; a discount is negative.',
    example: { amount: -900, currency: 'EUR' },
  })
  amount!: SignedMoneyDto;
}

@ApiSchema({ name: 'Order' })
export class OrderDto {
  @UuidField({ description: 'UUIDv7.', example: orderId })
  id!: string;

  @UuidField({ description: 'The event.', example: DEMO.eventId })
  eventId!: string;

  @IntegerField({ ...sequence, description: "The event's number of this booking: the order in which tickets were allocated." })
  sequence!: number;

  @EnumField({
    values: ORDER_STATUSES,
    name: 'OrderStatus',
    description: 'The tickets of held and confirmed orders are taken.',
    example: 'confirmed',
  })
  status!: OrderStatus;

  @ListField({ type: () => OrderItemDto, min: 1, max: MAX_ORDER_ITEMS, description: 'In the order of the request.' })
  items!: OrderItemDto[];

  @ObjectField({
    type: () => MoneyDto,
    description: 'The sum of the subtotals of the items.',
    example: { amount: 9000, currency: 'EUR' },
  })
  subtotal!: MoneyDto;

  @ListField({
    type: () => OrderAdjustmentDto,
    max: MAX_ADJUSTMENTS,
    description: 'Discounts and surcharges, in the order in which they apply.',
    example: [],
  })
  adjustments!: OrderAdjustmentDto[];

  @ObjectField({
    type: () => MoneyDto,
    description: 'subtotal + adjustments; never under zero.',
    example: { amount: 9000, currency: 'EUR' },
  })
  total!: MoneyDto;

  @ObjectField({ type: () => CustomerDto, description: 'Who ordered.' })
  customer!: CustomerDto;

  @MetadataField({ description: 'Your own data.', example: { channel: 'web' } })
  metadata!: Record<string, string>;

  @TimestampField({
    nullable: true,
    description: 'When the hold ends, or ended; null on orders that are not held or expired.',
    example: null,
  })
  expiresAt!: string | null;

  @TimestampField({ nullable: true, description: 'When it was confirmed.', example: bookedAt })
  confirmedAt!: string | null;

  @TextField({
    ...PAYMENT_REFERENCE_BOUNDS,
    nullable: true,
    description: 'Your name for its payment, as given when it was confirmed.',
    example: null,
  })
  paymentReference!: string | null;

  @TimestampField({ nullable: true, description: 'When it was cancelled.', example: null })
  cancelledAt!: string | null;

  @TextField({
    ...CANCEL_REASON_BOUNDS,
    nullable: true,
    description: 'Why it was cancelled; `event-cancelled` when the whole event was.',
    example: null,
  })
  cancelReason!: string | null;

  @IntegerField({ ...COUNTER_BOUNDS, description: 'Grows with each change; the ETag.', example: 1 })
  version!: number;

  @TimestampField({ description: 'When it was booked.', example: bookedAt })
  createdAt!: string;

  @TimestampField({ description: 'When it was last changed.', example: bookedAt })
  updatedAt!: string;
}

@ApiSchema({ name: 'OrderPage' })
export class OrderPageDto {
  @ListField({ type: () => OrderDto, max: PAGE_MAX_ITEMS, description: 'Newest first.' })
  items!: OrderDto[];

  @NextCursorField()
  nextCursor!: string | null;
}

@ApiSchema({ name: 'OrderTransition' })
export class OrderTransitionDto {
  @IntegerField({ ...sequence, description: "The event's number of this transition; an event's numbers have no gap." })
  sequence!: number;

  @EnumField({ values: ORDER_STEPS, name: 'OrderStep', description: 'What happened.', example: 'book' })
  step!: OrderStep;

  @EnumField({
    values: ORDER_STATUSES,
    name: 'OrderStatus',
    nullable: true,
    description: 'The state before; null for the booking.',
    example: null,
  })
  from!: OrderStatus | null;

  @EnumField({ values: ORDER_STATUSES, name: 'OrderStatus', description: 'The state after.', example: 'confirmed' })
  to!: OrderStatus;

  @TimestampField({ description: 'When, by the clock of the database.', example: bookedAt })
  at!: string;

  @TextField({
    ...ACTOR_BOUNDS,
    description: 'Who caused it: `key:` and the id of an API key, `user:` and the `sub` of a token, or `system`.',
    example: 'key:019a0000-0000-7000-8000-0000000000b1',
  })
  actor!: string;

  @TextField({ ...CANCEL_REASON_BOUNDS, nullable: true, description: 'Why, if it was said.', example: null })
  reason!: string | null;
}

@ApiSchema({ name: 'OrderHistory' })
export class OrderHistoryPageDto {
  @ListField({ type: () => OrderTransitionDto, max: PAGE_MAX_ITEMS, description: 'Oldest first.' })
  items!: OrderTransitionDto[];

  @NextCursorField()
  nextCursor!: string | null;
}

export class OrderQueryDto extends PageQueryDto {
  @UuidField({ optional: true, description: 'Only orders of this event.' })
  eventId?: string;

  @EnumField({ values: ORDER_STATUSES, name: 'OrderStatus', optional: true, description: 'Only orders in this state.' })
  status?: OrderStatus;

  @EmailField({ optional: true, description: 'Only orders of this customer; case does not count.' })
  email?: string;
}
