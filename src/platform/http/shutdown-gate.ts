import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { shuttingDown } from '../errors/platform.errors.js';

/**
 * Once the shutdown has begun: what is under way is finished, what comes is refused, and each answer ends its connection.
 * Without this a client that keeps its connection busy would be served for ever, and the server would never close.
 */
@Injectable()
export class ShutdownGate implements OnModuleDestroy {
  private closing = false;
  private readonly underway = new Set<Response>();

  readonly pass = (request: Request, response: Response, next: NextFunction): void => {
    if (this.closing && request.path !== '/health/live') {
      response.setHeader('Connection', 'close');
      throw shuttingDown();
    }
    this.underway.add(response);
    response.once('close', () => this.underway.delete(response));
    next();
  };

  onModuleDestroy(): void {
    this.closing = true;
    for (const response of this.underway) if (!response.headersSent) response.setHeader('Connection', 'close');
  }
}
