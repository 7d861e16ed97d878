import { ApiSchema } from '@nestjs/swagger';
import { ArrayUnique } from 'class-validator';
import {
  EmailField,
  IntegerField,
  ListField,
  MetadataField,
  ObjectField,
  TextField,
  UuidField,
} from '../../platform/http/fields.js';
import { DEMO } from '../events/index.js';

@ApiSchema({ name: 'BookingItem' })
export class BookingItemDto {
  @UuidField({ description: 'What to book.', example: DEMO.standardId })
  ticketTypeId!: string;

  @IntegerField({ min: 1, max: 100, description: 'How many tickets.', example: 2 })
  quantity!: number;
}

@ApiSchema({ name: 'BookingCustomer' })
export class BookingCustomerDto {
  @EmailField({
    description: 'E-mail address; trimmed and case-folded, it tells one customer from another.',
    example: 'ada@example.com',
  })
  email!: string;

  @TextField({ min: 1, max: 200, optional: true, nullable: true, description: 'Name.', example: 'Ada' })
  name?: string | null;
}

@ApiSchema({ name: 'Booking' })
export class BookingDto {
  @ListField({
    type: () => BookingItemDto,
    min: 1,
    max: 20,
    description: 'All of them are booked or none; a ticket type at most once.',
  })
  @ArrayUnique((item: BookingItemDto | null) => String(item?.ticketTypeId).toLowerCase(), {
    message: 'a ticket type may be in items only once',
  })
  items!: BookingItemDto[];

  @ObjectField({ type: () => BookingCustomerDto, description: 'Who orders.' })
  customer!: BookingCustomerDto;

  @MetadataField({ optional: true, description: 'Your own data.', example: { channel: 'web' } })
  metadata?: Record<string, string>;
}

@ApiSchema({ name: 'CancelOrder' })
export class CancelOrderDto {
  @TextField({
    min: 1,
    max: 200,
    optional: true,
    nullable: true,
    description: 'Why; shown on the order and in its history.',
    example: 'customer-request',
  })
  reason?: string | null;
}
