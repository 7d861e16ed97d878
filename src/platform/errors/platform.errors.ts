import { COUNTER_BOUNDS, integerSchema } from '../http/value-schemas.js';
import { defineProblem, DomainError, type FieldError } from './domain-error.js';

export const MALFORMED_REQUEST = defineProblem({
  code: 'malformed-request',
  kind: 'malformed',
  title: 'The request cannot be read',
  example: { detail: 'The path parameter eventId is not a UUID.' },
});
export const VALIDATION_FAILED = defineProblem({
  code: 'validation-failed',
  kind: 'invalid',
  title: 'The request is not valid',
  example: {
    detail: 'The request has 1 fault.',
    errors: [{ pointer: '/items/0/quantity', detail: 'quantity must not be greater than 100' }],
  },
  members: {
    errors: {
      type: 'array',
      minItems: 1,
      maxItems: 100_000,
      description: 'All faults of the request.',
      items: { $ref: '#/components/schemas/FieldError' },
    },
  },
});
export const ROUTE_NOT_FOUND = defineProblem({
  code: 'route-not-found',
  kind: 'not-found',
  title: 'There is no such address',
  example: { detail: 'Nothing is at GET /v1/nothing.' },
});
export const METHOD_NOT_ALLOWED = defineProblem({
  code: 'method-not-allowed',
  kind: 'method-not-allowed',
  title: 'The address does not support this method',
  example: { detail: 'PUT is not supported here; see the Allow header.' },
});
export const PAYLOAD_TOO_LARGE = defineProblem({
  code: 'payload-too-large',
  kind: 'too-large',
  title: 'The body is too large',
  example: { detail: 'The body is over 100 kB.' },
});
export const UNSUPPORTED_MEDIA_TYPE = defineProblem({
  code: 'unsupported-media-type',
  kind: 'unsupported-media',
  title: 'The body is not JSON',
  example: { detail: 'Send the body as application/json in UTF-8.' },
});
export const STALE_VERSION = defineProblem({
  code: 'stale-version',
  kind: 'stale',
  title: 'The resource has changed since it was read',
  example: { detail: 'If-Match names version 3, the resource is at version 4.', currentVersion: 4 },
  members: {
    currentVersion: { ...integerSchema(COUNTER_BOUNDS.min, COUNTER_BOUNDS.max), description: 'The version that it is at.' },
  },
});
export const PRECONDITION_REQUIRED = defineProblem({
  code: 'precondition-required',
  kind: 'precondition-required',
  title: 'If-Match is required',
  example: { detail: 'Send If-Match with the ETag of the version that you change.' },
});
export const RATE_LIMITED = defineProblem({
  code: 'rate-limited',
  kind: 'rate-limited',
  title: 'Too many requests from here',
  example: { detail: 'More than 1000 requests in a minute (limit "caller"). Nothing was changed.' },
});
export const OVERLOADED = defineProblem({
  code: 'overloaded',
  kind: 'unavailable',
  title: 'Too much to do at the moment',
  example: { detail: 'Too many requests wait for the same rows or connections. Nothing was changed.' },
});
export const DATABASE_UNAVAILABLE = defineProblem({
  code: 'database-unavailable',
  kind: 'unavailable',
  title: 'The database cannot be reached',
  example: { detail: 'The database cannot be reached. Repeat the request, with the same Idempotency-Key if it had one.' },
});
export const INTERNAL_ERROR = defineProblem({
  code: 'internal-error',
  kind: 'internal',
  title: 'Something went wrong on our side',
  example: { detail: 'The request failed unexpectedly. Quote the requestId when you report it.' },
});

/** Problems that any route with a body may answer with. */
export const BODY_PROBLEMS = [PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE];

/** Problems that any route may answer with. */
export const COMMON_PROBLEMS = [
  MALFORMED_REQUEST,
  VALIDATION_FAILED,
  RATE_LIMITED,
  OVERLOADED,
  DATABASE_UNAVAILABLE,
  INTERNAL_ERROR,
];

export function malformed(detail: string): DomainError {
  return new DomainError(MALFORMED_REQUEST, detail);
}

export function shuttingDown(): DomainError {
  return new DomainError(OVERLOADED, 'This instance is shutting down. Nothing was changed; repeat the request.');
}

export function validationFailed(errors: FieldError[]): DomainError {
  const detail = `The request has ${errors.length} ${errors.length === 1 ? 'fault' : 'faults'}.`;
  return new DomainError(VALIDATION_FAILED, detail, { errors });
}
