import type { Request } from 'express';

/** Who sends the request: owns its idempotency keys and is the actor in histories. The API is open, so all are one. */
export function callerOf(_request: Request): string {
  return 'anonymous';
}
