import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { callerOf } from '../auth/principal.js';
import { keyInvalid, keyMissing } from './idempotency.errors.js';

/** What makes a request recognisable when it comes again. */
export interface IdempotentRequest {
  readonly caller: string;
  readonly key: string;
  readonly fingerprint: string;
}

/** Most characters of a key, without the quotes and backslashes of a quoted one. */
export const KEY_MAX_LENGTH = 255;

const PRINTABLE = /^[\x20-\x7e]+$/;
/** RFC 8941 string: printable ASCII in double quotes, with backslash before a quote or backslash. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** For the OpenAPI document: a bare token, which does not begin with a quote, or a quoted string with something in it. */
export const KEY_PATTERN = String.raw`^(?:[!#-~][ -~]*|"(?:[ !#-[\]-~]|\\["\\])+")$`;

/**
 * Reads `Idempotency-Key`: a bare token, or an RFC 8941 string (both name the same key).
 * @returns null when the header is absent
 * @throws DomainError `idempotency-key-missing` when it is empty, `idempotency-key-invalid`
 */
export function parseIdempotencyKey(values: readonly string[] | undefined): string | null {
  const [value, ...others] = values ?? [];
  if (value === undefined) return null;
  if (others.length > 0) throw keyInvalid();
  let key = value.trim();
  if (key.startsWith('"')) {
    const quoted = QUOTED.exec(key);
    if (!quoted) throw keyInvalid();
    key = quoted[1]!.replaceAll(/\\(["\\])/g, '$1');
  }
  if (key === '') throw keyMissing();
  if (key.length > KEY_MAX_LENGTH || !PRINTABLE.test(key)) throw keyInvalid();
  return key;
}

/** SHA-256 over caller, method, path, query and body; the order of members and white space do not count. */
export function fingerprintOf(request: Request): string {
  const parts = [callerOf(request), request.method, request.path, request.query, (request.body as unknown) ?? {}];
  return createHash('sha256').update(canonicalJson(parts)).digest('hex');
}

/** JSON whose members are in order. The value comes from JSON or a query string, so it is a tree of plain values. */
function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  const members = Object.keys(value)
    .toSorted()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name as keyof typeof value])}`);
  return `{${members.join()}}`;
}
