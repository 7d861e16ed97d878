import { isIPv6 } from 'node:net';
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
 * Tells the client where it stands, and refuses it once it is over the limit. The headers are lists, one member per limit
 * (draft-ietf-httpapi-ratelimit-headers-10).
 * @throws DomainError `rate-limited`
 */
export function enforce(response: Response, name: string, limit: number, { used, resetSeconds }: Consumption): void {
  response.append('RateLimit-Policy', `"${name}";q=${limit};w=${WINDOW_SECONDS}`);
  response.append('RateLimit', `"${name}";r=${Math.max(0, limit - used)};t=${resetSeconds}`);
  if (used > limit) throw tooMany(name, limit, resetSeconds);
}

export function tooMany(name: string, limit: number, retryAfterSeconds: number): DomainError {
  const detail = `More than ${limit} requests in a minute (limit "${name}"). Nothing was changed.`;
  return new DomainError(RATE_LIMITED, detail, {}, { retryAfterSeconds });
}

/** Who counts as one address: of IPv6 the /64, since whoever has one address there has them all. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const groups =
    tail === undefined ? before : [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
