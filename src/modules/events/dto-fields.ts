/** What the DTOs of events and ticket types have in common. */
export const MAX_CAPACITY = 10_000_000;
export const MAX_TICKET_TYPES = 100;
export const MAX_COUNT = 2 ** 31 - 1;

export const idField = { description: 'UUIDv7.' };
/** Examples of the times of an event; the whole day is far away, so that what is created by example can be booked. */
export const TIMES = {
  starts: '2035-06-23T18:00:00.000Z',
  ends: '2035-06-23T22:00:00.000Z',
  created: '2035-01-15T09:30:00.000Z',
} as const;

export const salesOpenAt = { description: 'Sales begin at this time; null: from publication.' };
export const salesCloseAt = { description: 'Sales end at this time; null: when the event starts.' };
export const versionField = { description: 'Grows with each change; the ETag.', min: 1, max: MAX_COUNT, example: 1 };

export const nextCursor = { max: 512, nullable: true, description: 'Cursor of the next page; null on the last.', example: null };
