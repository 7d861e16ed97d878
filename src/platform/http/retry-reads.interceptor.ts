import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { handlerTakes } from './handler-parameters.js';
import type { TransactionRetry } from '../database/transaction-retry.js';

/** Runs a GET again whose connection was lost, as idle ones are after a restart of the database. */
@Injectable()
export class RetryReadsInterceptor implements NestInterceptor {
  constructor(private readonly retry: TransactionRetry) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const isRead = context.switchToHttp().getRequest<Request>().method === 'GET';
    // A handler that writes its answer itself may have sent half of it already.
    if (!isRead || handlerTakes(context, 'RESPONSE')) return next.handle();
    return from(this.retry.read(() => lastValueFrom(next.handle())));
  }
}
