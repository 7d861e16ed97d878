/** What the DTOs of events and ticket types have in common. */
export const MAX_CAPACITY = 10_000_000;
export const MAX_TICKET_TYPES = 100;
export const MAX_COUNT = 2 ** 31 - 1;

export const idField = { description: 'UUIDv7.' };
export const salesOpenAt = {
  description: 'Sales begin at this time; null: from publication.',
  example: '2027-01-10T09:00:00.000Z',
};
export const salesCloseAt = {
  description: 'Sales end at this time; null: when the event starts.',
  example: '2027-06-19T16:00:00.000Z',
};
export const versionField = { description: 'Grows with each change; the ETag.', min: 1, max: MAX_COUNT, example: 1 };

export const nextCursor = { max: 512, nullable: true, description: 'Cursor of the next page; null on the last.', example: null };
