import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { redact } from '../observability/redact.js';
import { REQUEST_ID_SCHEMA } from './value-schemas.js';

const SANE = new RegExp(REQUEST_ID_SCHEMA.pattern);
const ids = new WeakMap<object, string>();

/** Gives every request an id: the caller's `X-Request-Id` if it is sane and holds no secret, else a new UUID. */
export function assignRequestId(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && isSane(given) ? given : randomUUID();
  ids.set(request, id);
  response.setHeader('X-Request-Id', id);
  next();
}

/** Some send their key: the id is written down in many places. */
function isSane(given: string): boolean {
  return given.length <= REQUEST_ID_SCHEMA.maxLength && SANE.test(given) && redact(given) === given;
}

export function requestIdOf(request: object): string {
  return ids.get(request) ?? 'unknown';
}
