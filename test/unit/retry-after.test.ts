import { DomainError } from '../../src/platform/errors/domain-error.js';
import { OVERLOADED } from '../../src/platform/errors/platform.errors.js';

describe('Retry-After', () => {
  it.each([
    [undefined, 1],
    [0, 1],
    [0.2, 1],
    [1.2, 2],
    [3_600, 3_600],
    [3_601, 3_600],
    [Infinity, 3_600],
  ])('after %p seconds is answered as %i', (retryAfterSeconds, answered) => {
    expect(new DomainError(OVERLOADED, 'Busy.', {}, { retryAfterSeconds }).retryAfterSeconds).toBe(answered);
  });
});
