import type { FilterQuery } from '@mikro-orm/core';
import { Transform } from 'class-transformer';
import { isUUID } from 'class-validator';
import { malformed } from '../errors/platform.errors.js';
import { IntegerField, TextField } from './fields.js';
import { isTimestamp } from './times.js';

/** `?limit=50` as a number; anything but digits stays as it is and fails the validation. */
export const QueryInteger = () =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value));

/** Most items on a page. */
export const PAGE_MAX_ITEMS = 200;
const PAGE_DEFAULT_ITEMS = 50;
export const CURSOR_MAX_LENGTH = 512;
/** base64url, see {@link encodeCursor}. */
export const CURSOR = /^[A-Za-z0-9_-]+$/;

/** The member of a page that leads to the next one. */
export const NextCursorField = () =>
  TextField({
    min: 1,
    max: CURSOR_MAX_LENGTH,
    shape: CURSOR,
    nullable: true,
    description: 'Cursor of the next page; null on the last.',
    example: null,
  });

export class PageQueryDto {
  @IntegerField({
    min: 1,
    max: PAGE_MAX_ITEMS,
    optional: true,
    description: 'How many items a page has at most.',
    default: PAGE_DEFAULT_ITEMS,
    example: PAGE_DEFAULT_ITEMS,
  })
  @QueryInteger()
  limit: number = PAGE_DEFAULT_ITEMS;

  @TextField({
    min: 1,
    max: CURSOR_MAX_LENGTH,
    shape: CURSOR,
    optional: true,
    description: 'The `nextCursor` of the page before. Leave the other parameters as they were.',
  })
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** The place of a row in its list: the values that the list is ordered by. */
type Place = ReadonlyArray<string | number>;

export function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** @throws DomainError `malformed-request` when it is not a list of values that pass the checks */
export function decodeCursor(cursor: string, ...checks: Array<(value: unknown) => boolean>): unknown[] {
  let place: unknown;
  try {
    // Node would skip characters that are not of the alphabet.
    place = CURSOR.test(cursor) ? JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) : undefined;
  } catch {
    place = undefined;
  }
  if (!Array.isArray(place) || place.length !== checks.length || !checks.every((check, index) => check(place[index]))) {
    throw malformed('The cursor is broken: use the nextCursor of the page before as it is.');
  }
  return place;
}

/**
 * The rows of a page in a list that is ordered by a time and then by id, both in the same direction: those after the cursor.
 * @throws DomainError `malformed-request` when the cursor is not one of ours
 */
export function afterCursor<Row extends { id: string }>(
  query: PageQueryDto,
  time: keyof Row & string,
  direction: 'asc' | 'desc',
): FilterQuery<Row> {
  if (query.cursor === undefined) return {};
  const [at, id] = decodeCursor(query.cursor, isTimestamp, isUUID) as [string, string];
  const place = new Date(at);
  const beyond = direction === 'asc' ? '$gt' : '$lt';
  return { $or: [{ [time]: { [beyond]: place } }, { [time]: place, id: { [beyond]: id } }] } as FilterQuery<Row>;
}

/** Where a page begins in a list that is ordered by a number; null: at the start. @throws like {@link afterCursor} */
export function afterNumber(query: PageQueryDto): number | null {
  if (query.cursor === undefined) return null;
  const isNumber = (value: unknown) => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
  return decodeCursor(query.cursor, isNumber)[0] as number;
}

/** Makes a page of rows that were read with `limit + 1` as limit: the extra one tells that there are more. */
export function toPage<Row, Item>(
  rows: Row[],
  query: PageQueryDto,
  placeOf: (row: Row) => Place,
  toItem: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > query.limit && last !== undefined ? encodeCursor(placeOf(last)) : null;
  return { items: shown.map(toItem), nextCursor };
}
