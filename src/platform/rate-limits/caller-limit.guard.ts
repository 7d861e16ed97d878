import { Injectable } from '@nestjs/common';
import { ThrottlerGuard, type ThrottlerRequest } from '@nestjs/throttler';
import type { Request, Response } from 'express';
import { principalOf } from '../auth/principal.js';
import { enforce } from './rate-limit.js';

/** Limits each caller by the limit of its kind; runs after the access guard, which says who it is. */
@Injectable()
export class CallerLimitGuard extends ThrottlerGuard {
  protected override async handleRequest({ context, limit, ttl, blockDuration, throttler }: ThrottlerRequest): Promise<boolean> {
    if (limit === 0) return true;
    const { req, res } = this.getRequestResponse(context) as { req: Request; res: Response };
    const caller = principalOf(req).id;
    const { totalHits, timeToExpire } = await this.storageService.increment(caller, ttl, limit, blockDuration, throttler.name!);
    enforce(res, 'caller', limit, { used: totalHits, resetSeconds: timeToExpire });
    return true;
  }
}
