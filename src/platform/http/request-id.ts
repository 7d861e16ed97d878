import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { REQUEST_ID_SCHEMA } from './value-schemas.js';

const SANE = new RegExp(REQUEST_ID_SCHEMA.pattern);
const ids = new WeakMap<object, string>();

/** Gives every request an id: the caller's `X-Request-Id` if it is sane, else a new UUID. */
export function assignRequestId(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && given.length <= REQUEST_ID_SCHEMA.maxLength && SANE.test(given) ? given : randomUUID();
  ids.set(request, id);
  response.setHeader('X-Request-Id', id);
  next();
}

export function requestIdOf(request: object): string {
  return ids.get(request) ?? 'unknown';
}
