import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

/** Who sends the request: owns its idempotency keys and is the actor in histories. The API is open, so all are one. */
export function callerOf(_request: Request): string {
  return 'anonymous';
}

export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<Request>()),
);
