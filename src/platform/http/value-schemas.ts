/*
 * OpenAPI schemas of values that stand in more than one place of the document. Their patterns keep to what all dialects of
 * regular expressions understand (no look-around, no `\u`), since the clients that read them are not all written in JavaScript.
 */

/** Text that may be empty. NUL characters are refused wherever they stand, see `refuseHostileValues`. */
export const TEXT_PATTERN = '^[^\\x00]*$';
/** Text of which at least one character is no white space. */
export const NOT_BLANK_PATTERN = '^[^\\x00]*[^\\x00\\s][^\\x00]*$';

export const UUID_SCHEMA = { type: 'string', format: 'uuid', minLength: 36, maxLength: 36 } as const;

/** From `2026-11-23T19:00:00Z` to nanoseconds with an offset; see `isTimestamp`. */
export const TIMESTAMP_SCHEMA = { type: 'string', format: 'date-time', minLength: 20, maxLength: 35 } as const;

const MAX_INT32 = 2 ** 31 - 1;

export function integerSchema(minimum: number, maximum: number) {
  return { type: 'integer', format: maximum > MAX_INT32 ? 'int64' : 'int32', minimum, maximum } as const;
}

/** A counter that grows with each change, such as a version: a PostgreSQL integer. */
export const COUNTER_BOUNDS = { min: 1, max: MAX_INT32 } as const;

/** From `"1"`, a version, to the digest of an availability. */
export const ETAG_SCHEMA = { type: 'string', pattern: '^"[A-Za-z0-9_-]+"$', minLength: 3, maxLength: 24 } as const;

/** A list of entity tags as RFC 9110 (8.8.3) writes them, without the white space around it. */
export const ENTITY_TAG_LIST = '(?:W/)?"[^"]*"(?:\\s*,\\s*(?:W/)?"[^"]*")*';
/** Longest `If-Match` or `If-None-Match` that counts. */
export const CONDITION_MAX_LENGTH = 1_024;
export const CONDITION_SCHEMA = {
  type: 'string',
  pattern: `^(?:\\*|${ENTITY_TAG_LIST})$`,
  minLength: 1,
  maxLength: CONDITION_MAX_LENGTH,
} as const;

/** What a browser sends as `Origin` (RFC 6454): a host name has at most 253 characters, a port five digits. */
export const ORIGIN_SCHEMA = { type: 'string', pattern: '^https?://[^/\\s]+$', minLength: 8, maxLength: 267 } as const;

export const REQUEST_ID_SCHEMA = { type: 'string', pattern: '^[A-Za-z0-9._:-]+$', minLength: 1, maxLength: 128 } as const;
