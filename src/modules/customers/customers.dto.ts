import { ApiSchema } from '@nestjs/swagger';
import { EmailField, IntegerField, ListField, TextField, TimestampField } from '../../platform/http/fields.js';
import { COUNTER_BOUNDS } from '../../platform/http/value-schemas.js';
import { OrderDto, OrderTransitionDto } from '../orders/index.js';

/** What the `sub` of a token may look like. */
const SUBJECT = { min: 1, max: 255, pattern: /^[\x20-\x7e]+$/ } as const;

const byEmail = 'All orders with this e-mail address; case does not count.';
const bySubject = 'All orders that the user with this `sub` booked for themselves.';

export class CustomerQueryDto {
  @EmailField({ optional: true, description: `${byEmail} Give either this or the subject.`, example: 'ada@example.com' })
  email?: string;

  @TextField({ ...SUBJECT, optional: true, description: `${bySubject} Give either this or the e-mail address.` })
  subject?: string;
}

@ApiSchema({ name: 'CustomerErasure' })
export class EraseCustomerDto extends CustomerQueryDto {}

@ApiSchema({ name: 'ErasedCustomer' })
export class ErasedCustomerDto {
  @IntegerField({ min: 0, max: COUNTER_BOUNDS.max, description: 'How many orders there were.', example: 2 })
  orders!: number;

  @TextField({
    min: 1,
    max: 60,
    description: 'What stands in the place of the person now.',
    example: 'erased-019a0000-0000-7000-8000-0000000000d1',
  })
  pseudonym!: string;
}

@ApiSchema({ name: 'ExportedOrder' })
export class ExportedOrderDto extends OrderDto {
  @TextField({ ...SUBJECT, nullable: true, description: 'The `sub` of a customer who booked for themselves.', example: null })
  customerSubject!: string | null;

  @ListField({ type: () => OrderTransitionDto, min: 1, max: COUNTER_BOUNDS.max, description: 'Its history, oldest first.' })
  history!: OrderTransitionDto[];
}

@ApiSchema({ name: 'CustomerExport' })
export class CustomerExportDto {
  @TimestampField({ description: 'When, by the clock of the database.', example: '2026-11-24T09:00:00.000Z' })
  exportedAt!: string;

  @ListField({ type: () => ExportedOrderDto, max: COUNTER_BOUNDS.max, description: 'Every order, newest first.' })
  orders!: ExportedOrderDto[];
}
