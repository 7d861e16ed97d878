import { COUNTER_BOUNDS } from '../../platform/http/value-schemas.js';

/*
 * What the DTOs of events and ticket types have in common. Lengths are in characters; CHECK constraints repeat the bounds.
 */
export const MAX_CAPACITY = 10_000_000;
export const MAX_TICKET_TYPES = 100;
/** Most tickets that one customer may have of an event: the largest limit that can be set. */
export const MAX_CUSTOMER_LIMIT = 1_000_000;
export const NAME_BOUNDS = { min: 1, max: 200 } as const;
export const VENUE_BOUNDS = { min: 1, max: 200 } as const;
export const DESCRIPTION_BOUNDS = { max: 10_000 } as const;

export const idField = { description: 'UUIDv7.' };
/** Examples of the times of an event; the whole day is far away, so that what is created by example can be booked. */
export const TIMES = {
  starts: '2035-06-23T18:00:00.000Z',
  ends: '2035-06-23T22:00:00.000Z',
  created: '2035-01-15T09:30:00.000Z',
} as const;

export const salesOpenAt = { description: 'Sales begin at this time; null: from publication.' };
export const salesCloseAt = { description: 'Sales end at this time; null: when the event starts.' };
export const versionField = { description: 'Grows with each change; the ETag.', ...COUNTER_BOUNDS, example: 1 };
