import type { Response } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { RATE_LIMITED } from '../errors/platform.errors.js';

/** All limits are per minute, in windows that begin with the first request. */
export const WINDOW_SECONDS = 60;

/** What a limit has come to for one who is counted. */
export interface Consumption {
  used: number;
  /** When the window ends, in whole seconds from now, at least 1. */
  resetSeconds: number;
}

/**
 * Tells the client where it stands, and refuses it once it is over the limit.
 * @throws DomainError `rate-limited`
 */
export function enforce(response: Response, name: string, limit: number, consumption: Consumption): void {
  tellStanding(response, name, limit, consumption);
  if (consumption.used > limit) throw tooMany(name, limit, consumption.resetSeconds);
}

/** The headers are lists, one member per limit (draft-ietf-httpapi-ratelimit-headers-10). */
export function tellStanding(response: Response, name: string, limit: number, { used, resetSeconds }: Consumption): void {
  response.append('RateLimit-Policy', `"${name}";q=${limit};w=${WINDOW_SECONDS}`);
  response.append('RateLimit', `"${name}";r=${Math.max(0, limit - used)};t=${resetSeconds}`);
}

export function tooMany(name: string, limit: number, retryAfterSeconds: number): DomainError {
  const detail = `More than ${limit} requests in a minute (limit "${name}"). Nothing was changed.`;
  return new DomainError(RATE_LIMITED, detail, {}, { retryAfterSeconds });
}
