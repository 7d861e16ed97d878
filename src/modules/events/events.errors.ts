import { defineProblem, DomainError } from '../../platform/errors/domain-error.js';
import { integerSchema, UUID_SCHEMA } from '../../platform/http/value-schemas.js';
import { MAX_CAPACITY, MAX_TICKET_TYPES } from './dto-fields.js';

export const NOT_ON_SALE_REASONS = ['draft', 'cancelled', 'before-sales-open', 'after-sales-close', 'event-started'] as const;
export type NotOnSaleReason = (typeof NOT_ON_SALE_REASONS)[number];

export const EVENT_NOT_FOUND = defineProblem({
  code: 'event-not-found',
  kind: 'not-found',
  title: 'There is no such event',
  example: { detail: 'There is no event 019a0000-0000-7000-8000-0000000000ff.' },
});
export const TICKET_TYPE_NOT_FOUND = defineProblem({
  code: 'ticket-type-not-found',
  kind: 'not-found',
  title: 'There is no such ticket type',
  example: { detail: 'The event has no ticket type 019a0000-0000-7000-8000-0000000000ff.' },
});
export const INVALID_TRANSITION = defineProblem({
  code: 'invalid-transition',
  kind: 'conflict',
  title: 'The state of the event does not allow this',
  example: { detail: 'A cancelled event cannot be published.', eventStatus: 'cancelled' },
  members: { eventStatus: { $ref: '#/components/schemas/EventStatus' } },
});
export const EVENT_NOT_ON_SALE = defineProblem({
  code: 'event-not-on-sale',
  kind: 'conflict',
  title: 'The tickets are not on sale',
  example: { detail: 'The event is not on sale: draft.', reason: 'draft' },
  members: { reason: { type: 'string', enum: [...NOT_ON_SALE_REASONS], description: 'Why not.' } },
  optionalMembers: {
    ticketTypeId: { ...UUID_SCHEMA, description: 'The ticket type whose own sales window it is.' },
  },
});
export const CAPACITY_BELOW_COMMITTED = defineProblem({
  code: 'capacity-below-committed',
  kind: 'conflict',
  title: 'More tickets are held and sold than that',
  example: { detail: '40 tickets are held or sold, so the capacity cannot be 30.', committed: 40 },
  members: { committed: { ...integerSchema(1, MAX_CAPACITY), description: 'How many are held and sold.' } },
});
export const TICKET_TYPE_IN_USE = defineProblem({
  code: 'ticket-type-in-use',
  kind: 'conflict',
  title: 'The ticket type was ordered',
  example: { detail: 'A ticket type that was ever ordered cannot be deleted; set its capacity to what is sold instead.' },
});
export const TOO_MANY_TICKET_TYPES = defineProblem({
  code: 'too-many-ticket-types',
  kind: 'conflict',
  title: 'The event has as many ticket types as it can have',
  example: { detail: 'An event has at most 100 ticket types.', limit: MAX_TICKET_TYPES },
  members: { limit: { ...integerSchema(1, MAX_TICKET_TYPES), description: 'How many an event may have.' } },
});

export const eventNotFound = (eventId: string) => new DomainError(EVENT_NOT_FOUND, `There is no event ${eventId}.`);
export const ticketTypeNotFound = (ticketTypeId: string) =>
  new DomainError(TICKET_TYPE_NOT_FOUND, `The event has no ticket type ${ticketTypeId}.`);
