import { ApiSchema } from '@nestjs/swagger';
import { ArrayUnique } from 'class-validator';
import {
  BooleanField,
  EmailField,
  IntegerField,
  ListField,
  MetadataField,
  ObjectField,
  TextField,
  UuidField,
} from '../../platform/http/fields.js';
import { HOLD_SECONDS_BOUNDS } from '../../platform/config/environment.js';
import { DEMO } from '../events/index.js';
import {
  CANCEL_REASON_BOUNDS,
  CUSTOMER_NAME_BOUNDS,
  MAX_ORDER_ITEMS,
  PAYMENT_REFERENCE_BOUNDS,
  QUANTITY_BOUNDS,
} from '../orders/index.js';

@ApiSchema({ name: 'BookingItem' })
export class BookingItemDto {
  @UuidField({ description: 'What to book.', example: DEMO.standardId })
  ticketTypeId!: string;

  @IntegerField({ ...QUANTITY_BOUNDS, description: 'How many tickets.', example: 2 })
  quantity!: number;
}

const OncePerTicketType = () =>
  ArrayUnique((item: BookingItemDto | null) => String(item?.ticketTypeId).toLowerCase(), {
    message: 'a ticket type may be in items only once',
  });

@ApiSchema({ name: 'BookingCustomer' })
export class BookingCustomerDto {
  @EmailField({
    description: 'E-mail address; trimmed and case-folded, it tells one customer from another.',
    example: 'ada@example.com',
  })
  email!: string;

  @TextField({ ...CUSTOMER_NAME_BOUNDS, optional: true, nullable: true, description: 'Name.', example: 'Ada' })
  name?: string | null;
}

@ApiSchema({ name: 'Hold' })
export class HoldDto {
  @IntegerField({ ...HOLD_SECONDS_BOUNDS, description: 'How long the tickets are held.', example: 600 })
  seconds!: number;
}

@ApiSchema({ name: 'Booking' })
export class BookingDto {
  @ListField({
    type: () => BookingItemDto,
    min: 1,
    max: MAX_ORDER_ITEMS,
    description: 'All of them are booked or none; a ticket type at most once.',
  })
  @OncePerTicketType()
  items!: BookingItemDto[];

  @ObjectField({ type: () => BookingCustomerDto, description: 'Who orders.' })
  customer!: BookingCustomerDto;

  @ObjectField({
    type: () => HoldDto,
    optional: true,
    description:
      'Hold the tickets while the customer pays, and confirm the order then. Without it the order is confirmed at once.',
  })
  hold?: HoldDto;

  @MetadataField({ optional: true, description: 'Your own data.', example: { channel: 'web' } })
  metadata?: Record<string, string>;
}

@ApiSchema({ name: 'CancelOrder' })
export class CancelOrderDto {
  @TextField({
    ...CANCEL_REASON_BOUNDS,
    optional: true,
    nullable: true,
    description: 'Why; shown on the order and in its history.',
    example: 'customer-request',
  })
  reason?: string | null;

  @ListField({
    type: () => BookingItemDto,
    optional: true,
    min: 1,
    max: MAX_ORDER_ITEMS,
    description: 'Give back only these, and keep the rest of the order. Without it all of it is cancelled.',
  })
  @OncePerTicketType()
  items?: BookingItemDto[];
}

@ApiSchema({ name: 'ConfirmOrder' })
export class ConfirmOrderDto {
  @TextField({
    ...PAYMENT_REFERENCE_BOUNDS,
    optional: true,
    nullable: true,
    description: 'Your name for the payment; shown on the order.',
    example: 'pay_1',
  })
  paymentReference?: string | null;

  @BooleanField({
    optional: true,
    description: 'When the hold has expired, book the same tickets again if they are still there, in one commit.',
    example: false,
  })
  reviveIfAvailable?: boolean;
}

@ApiSchema({ name: 'ExtendHold' })
export class ExtendHoldDto {
  @IntegerField({ ...HOLD_SECONDS_BOUNDS, description: 'The hold ends this many seconds from now.', example: 600 })
  seconds!: number;
}
