import { defineProblem, DomainError } from '../../platform/errors/domain-error.js';
import { integerSchema, TIMESTAMP_SCHEMA, UUID_SCHEMA } from '../../platform/http/value-schemas.js';
import { MAX_CAPACITY, MAX_CUSTOMER_LIMIT, MAX_PER_ORDER, MAX_TICKET_TYPES } from '../events/index.js';
import { MAX_ORDER_ITEMS } from './dto-fields.js';

const quantity = (description: string) => ({ ...integerSchema(1, MAX_PER_ORDER), description });

const shortages = {
  type: 'array',
  minItems: 1,
  maxItems: MAX_ORDER_ITEMS,
  description: 'The ticket types that are short.',
  items: {
    type: 'object',
    required: ['ticketTypeId', 'requested', 'available'],
    properties: {
      ticketTypeId: { ...UUID_SCHEMA, description: 'What is short.' },
      requested: quantity('How many were asked for.'),
      available: { ...integerSchema(0, MAX_CAPACITY), description: 'How many were left.' },
    },
  },
};

export const ORDER_NOT_FOUND = defineProblem({
  code: 'order-not-found',
  kind: 'not-found',
  title: 'There is no such order',
  example: { detail: 'There is no order 019a0000-0000-7000-8000-0000000000ff.' },
});
export const ORDER_NOT_CANCELLABLE = defineProblem({
  code: 'order-not-cancellable',
  kind: 'conflict',
  title: 'The order cannot be cancelled',
  example: { detail: 'An order that is expired cannot be cancelled.', orderStatus: 'expired' },
  members: { orderStatus: { $ref: '#/components/schemas/OrderStatus' } },
});
export const ORDER_NOT_HELD = defineProblem({
  code: 'order-not-held',
  kind: 'conflict',
  title: 'The order is not held',
  example: { detail: 'The order is cancelled, not held.', orderStatus: 'cancelled' },
  members: { orderStatus: { $ref: '#/components/schemas/OrderStatus' } },
});
export const SOLD_OUT = defineProblem({
  code: 'sold-out',
  kind: 'conflict',
  title: 'Not enough tickets are left',
  example: {
    detail: '1 of the ticket types is short.',
    shortages: [{ ticketTypeId: '019a0000-0000-7000-8000-000000000011', requested: 4, available: 1 }],
  },
  members: {
    shortages,
  },
});
export const HOLD_EXPIRED = defineProblem({
  code: 'hold-expired',
  kind: 'conflict',
  title: 'The hold has ended',
  example: { detail: 'The hold ended at 2027-01-10T09:10:00.000Z.', expiresAt: '2027-01-10T09:10:00.000Z' },
  members: { expiresAt: { ...TIMESTAMP_SCHEMA, description: 'When it ended.' } },
  optionalMembers: { shortages },
});
export const QUANTITY_OUT_OF_RANGE = defineProblem({
  code: 'quantity-out-of-range',
  kind: 'out-of-range',
  title: 'The ticket type does not allow this quantity in one order',
  example: {
    detail: 'Between 2 and 8 tickets of VIP can be ordered at once.',
    ticketTypeId: '019a0000-0000-7000-8000-000000000013',
    minPerOrder: 2,
    maxPerOrder: 8,
  },
  members: {
    ticketTypeId: { ...UUID_SCHEMA, description: 'Whose quantity it is.' },
    minPerOrder: quantity('The least that is allowed.'),
    maxPerOrder: quantity('The most that is allowed; of tickets to give back, as many as the order has.'),
  },
});
export const CUSTOMER_LIMIT_EXCEEDED = defineProblem({
  code: 'customer-limit-exceeded',
  kind: 'conflict',
  title: 'The customer would have more tickets than the event allows',
  example: { detail: 'A customer may have 10 tickets of this event and has 8.', limit: 10, alreadyBooked: 8 },
  members: {
    limit: { ...integerSchema(1, MAX_CUSTOMER_LIMIT), description: 'How many the customer may have.' },
    alreadyBooked: {
      ...integerSchema(0, MAX_TICKET_TYPES * MAX_CAPACITY),
      description: 'How many the customer has; more than the limit, if that was lowered since.',
    },
  },
});

export const orderNotFound = (orderId: string) => new DomainError(ORDER_NOT_FOUND, `There is no order ${orderId}.`);
