import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { TransactionRetry } from '../database/transaction-retry.js';

/** Runs a GET again whose connection was lost, as idle ones are after a restart of the database. */
@Injectable()
export class RetryReadsInterceptor implements NestInterceptor {
  constructor(private readonly retry: TransactionRetry) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.switchToHttp().getRequest<Request>().method !== 'GET') return next.handle();
    return from(this.retry.read(() => lastValueFrom(next.handle())));
  }
}
