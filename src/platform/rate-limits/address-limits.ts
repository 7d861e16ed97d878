import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { clientAddressOf } from '../http/client-address.js';
import { MemoryCounter } from './memory-counter.js';
import { enforce, tooMany } from './rate-limit.js';

/** Monitors must not be told that all is not well because others ask too much. */
const EXEMPT = /^\/health\//i;

/**
 * Limits what comes from one client address, before anything of the request is read or checked: all requests, and, more
 * tightly, those whose credentials were refused. Counted in this process, as a guard against floods.
 */
@Injectable()
export class AddressLimits {
  private readonly requests = new MemoryCounter();
  private readonly failures = new MemoryCounter();

  constructor(
    @Inject(ENVIRONMENT)
    private readonly limits: Pick<Environment, 'RATE_LIMIT_ADDRESS_PER_MINUTE' | 'RATE_LIMIT_FAILED_AUTH_PER_MINUTE'>,
  ) {}

  readonly pass = (request: Request, response: Response, next: NextFunction): void => {
    if (!EXEMPT.test(request.path)) this.check(request, response);
    next();
  };

  /** @throws DomainError `rate-limited` */
  private check(request: Request, response: Response): void {
    const address = clientAddressOf(request);
    const limit = this.limits.RATE_LIMIT_ADDRESS_PER_MINUTE;
    if (limit > 0) enforce(response, 'address', limit, this.requests.hit(address));
    if (request.headers.authorization !== undefined) this.checkFailures(address, response);
  }

  private checkFailures(address: string, response: Response): void {
    const limit = this.limits.RATE_LIMIT_FAILED_AUTH_PER_MINUTE;
    if (limit === 0) return;
    const failures = this.failures.peek(address);
    if (failures && failures.used >= limit) throw tooMany('failed-authentication', limit, failures.resetSeconds);
    // Not once it is sent: a client that does not wait for it would not be counted.
    response.once('close', () => {
      if (response.statusCode === 401) this.failures.hit(address);
    });
  }
}
