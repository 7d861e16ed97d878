import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { callerOf } from '../auth/principal.js';
import { requestIdOf } from '../http/request-id.js';

/** Who changes something, and by which request. */
export interface Author {
  readonly actor: string;
  /** Null for what no request asked for. */
  readonly requestId: string | null;
}

/** The author of what jobs and scripts change. */
export const SYSTEM: Author = { actor: 'system', requestId: null };

export function authorOf(request: Request): Author {
  return { actor: callerOf(request), requestId: requestIdOf(request) };
}

/** The {@link Author} of the request. */
export const AuthorOf = createParamDecorator((_: unknown, context: ExecutionContext) =>
  authorOf(context.switchToHttp().getRequest<Request>()),
);
