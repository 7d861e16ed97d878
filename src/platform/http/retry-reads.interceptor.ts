import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { retry, throwError, timer, type Observable } from 'rxjs';
import { classifyDatabaseError } from '../database/database-errors.js';

const RETRIES = 2;
const DELAY_MS = 50;

/** Runs a GET again whose connection was lost, as an idle one is after a restart of the database. */
@Injectable()
export class RetryReadsInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.switchToHttp().getRequest<Request>().method !== 'GET') return next.handle();
    const delay = (error: unknown, attempt: number) =>
      classifyDatabaseError(error) === 'connection-lost' ? timer(DELAY_MS * attempt) : throwError(() => error);
    return next.handle().pipe(retry({ count: RETRIES, delay }));
  }
}
