import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';
import { callerOf, ownerOf } from '../../platform/auth/principal.js';
import { clientGone } from '../../platform/http/client-gone.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { idempotentRequestOf } from '../../platform/idempotency/idempotency.interceptor.js';
import type { Origin } from './commands.js';

/** Who asks, under which key, and whether somebody still waits for the answer. */
export const OriginOf = createParamDecorator((_: unknown, context: ExecutionContext): Origin => {
  const request = context.switchToHttp().getRequest<Request>();
  const response = context.switchToHttp().getResponse<Response>();
  return {
    actor: callerOf(request),
    owner: ownerOf(request),
    request: idempotentRequestOf(request),
    requestId: requestIdOf(request),
    gone: clientGone(response),
  };
});
