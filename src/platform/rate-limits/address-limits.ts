import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { clientAddressOf } from '../http/client-address.js';
import { MemoryCounter } from './memory-counter.js';
import { type Consumption, enforce, tellStanding, tooMany } from './rate-limit.js';

/** Monitors must not be told that all is not well because others ask too much. */
const EXEMPT = /^\/health\//i;

/**
 * Limits what comes from one client address, before anything of the request is read or checked: all requests, and, more
 * tightly, those whose credentials were refused. Counted in this process, as a guard against floods.
 */
@Injectable()
export class AddressLimits {
  private readonly requests = new MemoryCounter();
  private readonly refusals = new MemoryCounter();

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
    if (request.headers.authorization !== undefined) this.checkRefusals(address, response);
  }

  /** To be called when the credentials of a request were looked at and are not good. */
  countRefusal(request: Request): void {
    if (this.limits.RATE_LIMIT_FAILED_AUTH_PER_MINUTE > 0) this.refusals.hit(clientAddressOf(request));
  }

  /** Whether so many credentials from there were refused that no more are looked at. */
  hasTooManyRefusals(request: Request): boolean {
    return this.tooManyRefusals(clientAddressOf(request)) !== null;
  }

  private checkRefusals(address: string, response: Response): void {
    const refusals = this.tooManyRefusals(address);
    if (!refusals) return;
    const limit = this.limits.RATE_LIMIT_FAILED_AUTH_PER_MINUTE;
    tellStanding(response, 'failed-authentication', limit, refusals);
    throw tooMany('failed-authentication', limit, refusals.resetSeconds);
  }

  private tooManyRefusals(address: string): Consumption | null {
    const limit = this.limits.RATE_LIMIT_FAILED_AUTH_PER_MINUTE;
    const refusals = limit > 0 ? this.refusals.peek(address) : null;
    return refusals && refusals.used >= limit ? refusals : null;
  }
}
