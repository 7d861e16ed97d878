import { defineProblem, DomainError } from '../errors/domain-error.js';
import type { Scope } from './scopes.js';

export const UNAUTHENTICATED = defineProblem({
  code: 'unauthenticated',
  kind: 'unauthenticated',
  title: 'Who asks is not known',
  example: { detail: 'Send an API key or an access token as Authorization: Bearer <token>.' },
});
export const FORBIDDEN = defineProblem({
  code: 'forbidden',
  kind: 'forbidden',
  title: 'Who asks may not do this',
  example: { detail: 'This needs the scope events:write.' },
});
export const API_KEY_NOT_FOUND = defineProblem({
  code: 'api-key-not-found',
  kind: 'not-found',
  title: 'There is no such API key',
  example: { detail: 'There is no API key 019a0000-0000-7000-8000-0000000000ff.' },
});
export const IDENTITY_PROVIDER_UNAVAILABLE = defineProblem({
  code: 'identity-provider-unavailable',
  kind: 'unavailable',
  title: 'Access tokens cannot be checked at the moment',
  example: { detail: 'The keys of the identity provider cannot be read, so the token was not checked. Repeat the request.' },
});

/** No token was sent where one is needed. */
export function tokenMissing(): DomainError {
  return new DomainError(
    UNAUTHENTICATED,
    UNAUTHENTICATED.example.detail,
    {},
    { headers: { 'WWW-Authenticate': 'Bearer realm="holdfast"' } },
  );
}

/** A token was sent that is not good. Why is not told: unknown, wrong, revoked and expired ones look the same. */
export function tokenInvalid(): DomainError {
  return new DomainError(
    UNAUTHENTICATED,
    'The token is not valid, or not any more.',
    {},
    { headers: { 'WWW-Authenticate': 'Bearer realm="holdfast", error="invalid_token"' } },
  );
}

export function scopeMissing(scope: Scope): DomainError {
  return new DomainError(
    FORBIDDEN,
    `This needs the scope ${scope}.`,
    {},
    { headers: { 'WWW-Authenticate': `Bearer realm="holdfast", error="insufficient_scope", scope="${scope}"` } },
  );
}

export function apiKeyNotFound(id: string): DomainError {
  return new DomainError(API_KEY_NOT_FOUND, `There is no API key ${id}.`);
}

/** The token may be good or not: the keys to tell are not there. Never the answer to a token that is known to be bad. */
export function identityProviderUnavailable(retryAfterSeconds: number, cause: unknown): DomainError {
  const { detail } = IDENTITY_PROVIDER_UNAVAILABLE.example;
  return new DomainError(IDENTITY_PROVIDER_UNAVAILABLE, detail, {}, { retryAfterSeconds, cause });
}
