import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { validationFailed } from '../errors/platform.errors.js';
import { memberPointer } from './body-rules.js';

/** Refuses members in the body of a request whose handler takes no body: nothing that is sent is dropped in silence. */
@Injectable()
export class RefuseUnreadBodyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { body } = context.switchToHttp().getRequest<Request>();
    const members = Object.keys((body as object | undefined) ?? {});
    if (members.length > 0 && !takesBody(context)) {
      throw validationFailed(members.map((name) => ({ pointer: memberPointer('', name), detail: `${name} is not known here` })));
    }
    return next.handle();
  }
}

function takesBody(context: ExecutionContext): boolean {
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) ?? {}) as object;
  return Object.keys(parameters).some((key) => key.startsWith(`${RouteParamtypes.BODY}:`));
}
