import { Logger } from '@nestjs/common';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import { identityProviderUnavailable } from './auth.errors.js';

/** For how long a key is trusted after it was last seen: a withdrawn key works no longer than that. */
export const KEYS_MAX_AGE_MS = 600_000;

/** At most one look for keys that are not known in this time, however many tokens name such. */
export const UNKNOWN_KEY_PAUSE_MS = 30_000;

/** After a failed fetch the provider is left alone for so long, and nobody waits for it. */
export const FAILURE_PAUSE_MS = 5_000;

const FETCH_TIMEOUT_MS = 5_000;

/** What is wrong with the token, when a key is looked for; anything else is wrong with the provider. */
const FAULTS_OF_THE_TOKEN = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/**
 * Finds the provider's public key that a token's header names.
 * Keys that the header itself brings along or points to (`jwk`, `jku`, `x5c`, `x5u`) play no part.
 * @throws DomainError identity-provider-unavailable, and jose's errors when the token names no key of the provider
 */
export function providerKeys(url: URL): JWTVerifyGetKey {
  const logger = new Logger('IdentityProvider');
  const keyOf = createRemoteJWKSet(url, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: UNKNOWN_KEY_PAUSE_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    [customFetch]: fetchWithPauses(logger),
  });
  return async (header, token) => {
    try {
      return await keyOf(header, token);
    } catch (error) {
      if (FAULTS_OF_THE_TOKEN.some((fault) => error instanceof fault)) throw error;
      if (!(error instanceof FailedFetch)) logger.warn(`A key at ${url.href} cannot be used: ${reasonOf(error)}`);
      throw identityProviderUnavailable(FAILURE_PAUSE_MS / 1000, error);
    }
  };
}

class FailedFetch extends Error {}

/** jose pauses only after a success. Without a pause here each request would ask a provider that is down, and wait for it. */
function fetchWithPauses(logger: Logger): FetchImplementation {
  let failure: FailedFetch | null = null;
  let pauseEnds = 0;
  return async (url, options) => {
    if (failure !== null && Date.now() < pauseEnds) throw failure;
    try {
      const keys = await fetchKeys(url, options);
      failure = null;
      return Response.json(keys);
    } catch (cause) {
      failure = new FailedFetch(`The keys at ${url} cannot be had: ${reasonOf(cause)}`, { cause });
      pauseEnds = Date.now() + FAILURE_PAUSE_MS;
      logger.warn(failure.message);
      throw failure;
    }
  };
}

async function fetchKeys(url: string, options: Parameters<FetchImplementation>[1]): Promise<JSONWebKeySet> {
  const response = await fetch(url, options);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the answer is ${response.status}`);
  }
  const keys = (await response.json()) as JSONWebKeySet;
  createLocalJWKSet(keys); // Throws unless it is a key set.
  return keys;
}

/** `fetch` says only that it failed; why is said by its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } };
  return [message, cause?.message || cause?.code].filter(Boolean).join(': ');
}
