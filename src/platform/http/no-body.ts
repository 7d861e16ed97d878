import { UseGuards, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { validationFailed } from '../errors/platform.errors.js';
import { memberPointer } from './body-rules.js';

/** A route that takes no body: members that are sent anyway are refused, as unknown ones are everywhere. */
export const NoBody = () => UseGuards({ canActivate: refuseMembers });

function refuseMembers(context: ExecutionContext): true {
  const body = context.switchToHttp().getRequest<Request>().body as unknown;
  const names = Object.keys(body ?? {});
  if (names.length === 0) return true;
  throw validationFailed(names.map((name) => ({ pointer: memberPointer('', name), detail: `${name} is not known here` })));
}
