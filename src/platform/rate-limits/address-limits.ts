import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { enforce, networkOf, tooMany, WINDOW_SECONDS, type Consumption } from './rate-limit.js';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

/**
 * Limits what comes from one client address, before anything of the request is read or checked: all requests, and, more
 * tightly, those whose credentials were refused. Counted in this process, as a guard against floods.
 */
@Injectable()
export class AddressLimits {
  private readonly requests = new RateLimiterMemory({ points: UNLIMITED, duration: WINDOW_SECONDS });
  private readonly failures = new RateLimiterMemory({ points: UNLIMITED, duration: WINDOW_SECONDS });

  constructor(
    @Inject(ENVIRONMENT)
    private readonly limits: Pick<Environment, 'RATE_LIMIT_ADDRESS_PER_MINUTE' | 'RATE_LIMIT_FAILED_AUTH_PER_MINUTE'>,
  ) {}

  readonly pass = async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    if (!request.path.startsWith('/health/')) await this.check(request, response);
    next();
  };

  /** @throws DomainError `rate-limited` */
  private async check(request: Request, response: Response): Promise<void> {
    const network = networkOf(request.ip ?? '');
    const limit = this.limits.RATE_LIMIT_ADDRESS_PER_MINUTE;
    if (limit > 0) enforce(response, 'address', limit, consumptionOf(await this.requests.consume(network)));
    if (request.headers.authorization !== undefined) await this.checkFailures(network, response);
  }

  private async checkFailures(network: string, response: Response): Promise<void> {
    const limit = this.limits.RATE_LIMIT_FAILED_AUTH_PER_MINUTE;
    if (limit === 0) return;
    const failures = await this.failures.get(network);
    if (failures && failures.consumedPoints >= limit) {
      throw tooMany('failed-authentication', limit, consumptionOf(failures).resetSeconds);
    }
    response.once('finish', () => {
      if (response.statusCode === 401) void this.failures.consume(network);
    });
  }
}

function consumptionOf({ consumedPoints, msBeforeNext }: { consumedPoints: number; msBeforeNext: number }): Consumption {
  return { used: consumedPoints, resetSeconds: Math.max(1, Math.ceil(msBeforeNext / 1000)) };
}
