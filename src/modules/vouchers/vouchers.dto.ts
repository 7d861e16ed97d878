import { applyDecorators } from '@nestjs/common';
import { ApiSchema } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import {
  COUNTER_BOUNDS,
  type FieldOptions,
  IntegerField,
  ListField,
  MoneyDto,
  NextCursorField,
  ObjectField,
  PAGE_MAX_ITEMS,
  TextField,
  TimestampField,
  UuidField,
  UuidListField,
} from '../../extension.js';

const id = '019a0000-0000-7000-8000-0000000000c1';
const at = '2035-01-15T09:30:00.000Z';
const CODE_BOUNDS = { min: 3, max: 40 } as const;

const maxRedemptions = { min: 1, max: 10_000_000, nullable: true, example: 100 } as const;
const maxPerCustomer = { min: 1, max: 10_000, nullable: true, example: 1 } as const;
const ticketTypeIds = { min: 1, max: 100, nullable: true, example: null } as const;

const lengthOf = (code: string) => Array.from(code).length;
/** What is short as it stands is told by its bounds. */
const isLongEnough = (code: unknown) =>
  typeof code !== 'string' || lengthOf(code) < CODE_BOUNDS.min || lengthOf(code.trim()) >= CODE_BOUNDS.min;

/** A code; white space around it does not count, neither for its length. */
function CodeField(options: FieldOptions): PropertyDecorator {
  const defaultMessage = () => `code must have at least ${CODE_BOUNDS.min} characters without the white space around it`;
  return applyDecorators(
    TextField({ ...CODE_BOUNDS, ...options }),
    ValidateBy({ name: 'isLongEnough', validator: { validate: isLongEnough, defaultMessage } }),
  );
}

@ApiSchema({ name: 'VoucherDiscount' })
export class VoucherDiscountDto {
  @IntegerField({ min: 1, max: 100, optional: true, description: 'Per cent off, rounded half up per order.', example: 10 })
  percent?: number;

  @ObjectField({
    type: () => MoneyDto,
    optional: true,
    description: 'A fixed amount off, at most the price of what it is for. Either this or `percent`.',
  })
  amount?: MoneyDto;
}

@ApiSchema({ name: 'NewVoucher' })
export class CreateVoucherDto {
  @CodeField({
    description:
      'What customers type. Neither case nor white space around it counts, nor how a letter is composed. Unique per event.',
    example: 'SPRING',
  })
  code!: string;

  @ObjectField({
    type: () => VoucherDiscountDto,
    description: 'What it takes off: either `percent` or `amount`.',
    example: { percent: 10 },
  })
  discount!: VoucherDiscountDto;

  @UuidListField({ ...ticketTypeIds, optional: true, description: 'Only tickets of these types get cheaper; null: all.' })
  ticketTypeIds?: string[] | null;

  @TimestampField({ optional: true, nullable: true, description: 'From when it can be used.', example: null })
  startsAt?: string | null;

  @TimestampField({ optional: true, nullable: true, description: 'Until when it can be used.', example: null })
  endsAt?: string | null;

  @IntegerField({ ...maxRedemptions, optional: true, description: 'How many live orders may use it; null: any number.' })
  maxRedemptions?: number | null;

  @IntegerField({
    ...maxPerCustomer,
    optional: true,
    description: 'How many live orders of one customer may use it; null: any number.',
  })
  maxPerCustomer?: number | null;
}

@ApiSchema({ name: 'VoucherChanges' })
export class UpdateVoucherDto {
  @CodeField({ optional: true, description: 'What customers type.', example: 'SUMMER' })
  code?: string;

  @ObjectField({
    type: () => VoucherDiscountDto,
    optional: true,
    description: 'For orders from now on: either `percent` or `amount`.',
  })
  discount?: VoucherDiscountDto;

  @UuidListField({ ...ticketTypeIds, optional: true, description: 'Only tickets of these types get cheaper; null: all.' })
  ticketTypeIds?: string[] | null;

  @TimestampField({ optional: true, nullable: true, description: 'From when it can be used; null: at once.' })
  startsAt?: string | null;

  @TimestampField({ optional: true, nullable: true, description: 'Until when it can be used; null: without end.' })
  endsAt?: string | null;

  @IntegerField({ ...maxRedemptions, optional: true, description: 'How many live orders may use it; null: any number.' })
  maxRedemptions?: number | null;

  @IntegerField({
    ...maxPerCustomer,
    optional: true,
    description: 'How many live orders of one customer may use it; null: any number.',
  })
  maxPerCustomer?: number | null;
}

@ApiSchema({ name: 'Voucher' })
export class VoucherDto {
  @UuidField({ description: 'UUIDv7.', example: id })
  id!: string;

  @UuidField({ description: 'The event that it is for.', example: '019a0000-0000-7000-8000-000000000001' })
  eventId!: string;

  @TextField({ ...CODE_BOUNDS, description: 'What customers type; case does not count.', example: 'SPRING' })
  code!: string;

  @ObjectField({ type: () => VoucherDiscountDto, description: 'What it takes off.', example: { percent: 10 } })
  discount!: VoucherDiscountDto;

  @UuidListField({ ...ticketTypeIds, description: 'Only tickets of these types get cheaper; null: all.' })
  ticketTypeIds!: string[] | null;

  @TimestampField({ nullable: true, description: 'From when it can be used; null: at once.', example: null })
  startsAt!: string | null;

  @TimestampField({ nullable: true, description: 'Until when it can be used; null: without end.', example: null })
  endsAt!: string | null;

  @IntegerField({ ...maxRedemptions, description: 'How many live orders may use it; null: any number.' })
  maxRedemptions!: number | null;

  @IntegerField({ ...maxPerCustomer, description: 'How many live orders of one customer may use it; null: any number.' })
  maxPerCustomer!: number | null;

  @IntegerField({ ...COUNTER_BOUNDS, min: 0, description: 'How many held and confirmed orders use it.', example: 0 })
  redemptions!: number;

  @IntegerField({ ...COUNTER_BOUNDS, description: 'Grows with each change, redemptions too; the ETag.', example: 1 })
  version!: number;

  @TimestampField({ description: 'When it was created.', example: at })
  createdAt!: string;

  @TimestampField({ description: 'When it was last changed, redemptions too.', example: at })
  updatedAt!: string;
}

@ApiSchema({ name: 'VoucherPage' })
export class VoucherPageDto {
  @ListField({ type: () => VoucherDto, max: PAGE_MAX_ITEMS, description: 'Newest first.' })
  items!: VoucherDto[];

  @NextCursorField()
  nextCursor!: string | null;
}

/** What a booking may have on top. */
@ApiSchema({ name: 'VoucherBooking' })
export class VoucherBookingDto {
  @TextField({ ...CODE_BOUNDS, optional: true, nullable: true, description: 'A voucher that makes the order cheaper.' })
  voucherCode?: string | null;
}

/** The member `voucher` of an order: the voucher as it was when the order was made. */
@ApiSchema({ name: 'OrderVoucher' })
export class OrderVoucherDto {
  @UuidField({ description: 'The voucher.', example: id })
  voucherId!: string;

  @TextField({ ...CODE_BOUNDS, description: 'Its code.', example: 'SPRING' })
  code!: string;

  @ObjectField({ type: () => VoucherDiscountDto, description: 'What it took off.', example: { percent: 10 } })
  discount!: VoucherDiscountDto;

  @UuidListField({ ...ticketTypeIds, description: 'Only tickets of these types got cheaper; null: all.' })
  ticketTypeIds!: string[] | null;
}
