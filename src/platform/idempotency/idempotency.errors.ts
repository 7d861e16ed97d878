import { defineProblem, DomainError } from '../errors/domain-error.js';

export const IDEMPOTENCY_KEY_MISSING = defineProblem({
  code: 'idempotency-key-missing',
  kind: 'invalid',
  title: 'The Idempotency-Key header is required',
  example: { detail: 'Send an Idempotency-Key of your own making (a UUID is good) and repeat it when you retry.' },
});
export const IDEMPOTENCY_KEY_INVALID = defineProblem({
  code: 'idempotency-key-invalid',
  kind: 'invalid',
  title: 'The Idempotency-Key header is not valid',
  example: { detail: 'An Idempotency-Key has 1 to 255 printable ASCII characters.' },
});
export const IDEMPOTENCY_KEY_REUSED = defineProblem({
  code: 'idempotency-key-reused',
  kind: 'out-of-range',
  title: 'The Idempotency-Key belongs to another request',
  example: { detail: 'This key was used with another method, address or body. Take a new key for a new request.' },
});

export const keyMissing = () => new DomainError(IDEMPOTENCY_KEY_MISSING, IDEMPOTENCY_KEY_MISSING.example.detail);
export const keyInvalid = () => new DomainError(IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_INVALID.example.detail);
export const keyReused = () => new DomainError(IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_KEY_REUSED.example.detail);
