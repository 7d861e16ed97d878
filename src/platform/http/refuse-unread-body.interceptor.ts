import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { validationFailed } from '../errors/platform.errors.js';
import { memberPointer } from './body-rules.js';
import { handlerTakes } from './handler-parameters.js';

/** Refuses members in the body of a request whose handler takes no body: nothing that is sent is dropped in silence. */
@Injectable()
export class RefuseUnreadBodyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { body } = context.switchToHttp().getRequest<Request>();
    const members = Object.keys((body as object | undefined) ?? {});
    if (members.length > 0 && !handlerTakes(context, 'BODY')) {
      throw validationFailed(members.map((name) => ({ pointer: memberPointer('', name), detail: `${name} is not known here` })));
    }
    return next.handle();
  }
}
