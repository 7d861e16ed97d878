import { isUtf8 } from 'node:buffer';
import type { NextFunction, Request, Response } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { malformed, UNSUPPORTED_MEDIA_TYPE, validationFailed } from '../errors/platform.errors.js';

/** Largest request body in bytes (100 kB). */
export const BODY_LIMIT_BYTES = 100_000;

const DEEPEST_NESTING = 32;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;
/** class-transformer leaves a member with the name of an inherited one out in silence, and String() calls `toString`. */
const RESERVED_NAMES = new Set([...Object.getOwnPropertyNames(Object.prototype), 'prototype']);

/** Refuses a body that is not declared as JSON in UTF-8; Express would leave it out and the request would look empty. */
export function requireJson(request: Request, _response: Response, next: NextFunction): void {
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (hasBody && !JSON_TYPE.test(request.headers['content-type'] ?? '')) {
    throw new DomainError(UNSUPPORTED_MEDIA_TYPE, 'Send the body as application/json in UTF-8.');
  }
  next();
}

/** What is not UTF-8 would be altered in silence, and different bodies would be taken for one. @throws DomainError `malformed-request` */
export function requireUtf8(_request: unknown, _response: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw malformed('The body is not valid UTF-8.');
}

/** Runs {@link refuseHostileValues} on the body and the query. */
export function refuseHostileInput(request: Request, _response: Response, next: NextFunction): void {
  refuseHostileValues(request.query);
  refuseHostileValues(request.body);
  next();
}

/**
 * Refuses what no field of the API can hold, wherever it stands: NUL characters (MikroORM puts values into the SQL text,
 * where NUL ends the statement), lone surrogates (not valid Unicode, PostgreSQL refuses them), names that reach the
 * prototype of an object, and nesting so deep that recursive code would run out of stack.
 */
export function refuseHostileValues(root: unknown): void {
  const pending: Array<{ value: unknown; pointer: string; depth: number }> = [{ value: root, pointer: '', depth: 0 }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { value, pointer, depth } = item;
    if (typeof value === 'string') refuseHostileText(value, pointer);
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= DEEPEST_NESTING) throw malformed(`The body is nested deeper than ${DEEPEST_NESTING} levels.`);
    for (const [name, member] of Object.entries(value)) {
      const itsPointer = memberPointer(pointer, name);
      refuseHostileText(name, itsPointer);
      if (RESERVED_NAMES.has(name)) throw validationFailed([{ pointer: itsPointer, detail: `${name} is not allowed as a name` }]);
      pending.push({ value: member, pointer: itsPointer, depth: depth + 1 });
    }
  }
}

/** JSON Pointer (RFC 6901) to a member of what `pointer` points to. */
export function memberPointer(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function refuseHostileText(text: string, pointer: string): void {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw validationFailed([{ pointer: pointer.toWellFormed(), detail: 'must be well-formed Unicode without NUL characters' }]);
  }
}
