import type { ProblemKind } from './domain-error.js';

/** The statuses that say in `Retry-After` when it is worth trying again. */
export const STATUSES_TO_RETRY: ReadonlySet<number> = new Set([429, 503]);

/** The HTTP status of each kind of problem. */
export const STATUS_OF_KIND: Record<ProblemKind, number> = {
  malformed: 400,
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  conflict: 409,
  gone: 410,
  stale: 412,
  'too-large': 413,
  'unsupported-media': 415,
  'out-of-range': 422,
  'precondition-required': 428,
  'rate-limited': 429,
  internal: 500,
  unavailable: 503,
};
