import { applyDecorators, createParamDecorator, SetMetadata, UseInterceptors, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request } from 'express';
import { ApiProblems } from '../http/openapi.js';
import { IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_MISSING, IDEMPOTENCY_KEY_REUSED } from './idempotency.errors.js';
import { IDEMPOTENT, type IdempotentOptions } from './idempotent-options.js';
import { KEY_MAX_LENGTH, KEY_PATTERN } from './idempotency-key.js';
import { IdempotencyInterceptor, idempotentRequestOf } from './idempotency.interceptor.js';

/** A `POST` that may be repeated with its `Idempotency-Key`; its handler returns an `Answer`. */
export function Idempotent(options: IdempotentOptions): MethodDecorator {
  return applyDecorators(
    SetMetadata(IDEMPOTENT, options),
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: 'Idempotency-Key',
      required: options.required,
      description:
        'Your own name for this request, kept at least 24 hours. The same key and request again: the same answer, and no second effect. A new request needs a new key.',
      schema: {
        type: 'string',
        minLength: 1,
        maxLength: KEY_MAX_LENGTH,
        pattern: KEY_PATTERN,
        ...(options.exampleKey ? { example: options.exampleKey } : {}),
      },
    }),
    // An empty key is a missing one, also where none is required.
    ApiProblems(IDEMPOTENCY_KEY_MISSING, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED),
  );
}

/** Key and fingerprint of an {@link Idempotent} request; null when it came without a key. */
export const IdempotencyOf = createParamDecorator((_: unknown, context: ExecutionContext) =>
  idempotentRequestOf(context.switchToHttp().getRequest<Request>()),
);
