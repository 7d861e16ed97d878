import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { from, map, of, switchMap, type Observable } from 'rxjs';
import { callerOf } from '../auth/principal.js';
import { noteOutcome } from '../http/outcome.js';
import { Answer } from './answer.js';
import { fingerprintOf, parseIdempotencyKey, type IdempotentRequest } from './idempotency-key.js';
import { keyMissing } from './idempotency.errors.js';
import { IdempotencyStore } from './idempotency.store.js';
import { IDEMPOTENT, type IdempotentOptions } from './idempotent-options.js';

const requests = new WeakMap<Request, IdempotentRequest>();

/** The key and fingerprint that the interceptor took from this request; null when it carries no key. */
export function idempotentRequestOf(request: Request): IdempotentRequest | null {
  return requests.get(request) ?? null;
}

/**
 * Answers a repeated request with what is remembered, and turns an {@link Answer} into status, `Location` and
 * `Idempotent-Replayed`. `Location` follows from the body by one rule, so a replay cannot differ from the first answer.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly store: IdempotencyStore,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    const options = this.reflector.get<IdempotentOptions>(IDEMPOTENT, context.getHandler());
    const idempotent = readKey(request, options);
    const remembered = idempotent ? from(this.store.find(idempotent)) : of(null);
    return remembered.pipe(
      switchMap((answer) => (answer ? of(answer) : (next.handle() as Observable<Answer>))),
      map((answer) => send(answer, options, response)),
    );
  }
}

function readKey(request: Request, options: IdempotentOptions): IdempotentRequest | null {
  const key = parseIdempotencyKey(request.headersDistinct['idempotency-key']);
  if (key === null) {
    if (options.required) throw keyMissing();
    return null;
  }
  const idempotent = { caller: callerOf(request), key, fingerprint: fingerprintOf(request) };
  requests.set(request, idempotent);
  return idempotent;
}

function send(answer: Answer, options: IdempotentOptions, response: Response): unknown {
  response.status(answer.status);
  const state = (answer.body as { status?: unknown } | null)?.status;
  noteOutcome(response, answer.replayed ? 'replayed' : typeof state === 'string' ? state : 'done');
  if (answer.replayed) response.setHeader('Idempotent-Replayed', 'true');
  if (options.location) response.setHeader('Location', options.location(answer.body as never));
  return answer.body;
}
