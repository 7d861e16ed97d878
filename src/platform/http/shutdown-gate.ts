import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { shuttingDown } from '../errors/platform.errors.js';

/** How long a new connection may take to send something once the shutdown has begun. */
const FIRST_BYTES_MS = 500;

/**
 * Once the shutdown has begun: what is under way is finished, what comes is refused, each answer ends its connection, and
 * connections on which nothing is under way are closed. Without this a client that keeps its connection busy would be served
 * for ever, or one that has opened a connection and never used it would be waited for, and the server would never close.
 */
@Injectable()
export class ShutdownGate implements OnModuleDestroy {
  private closing = false;
  private readonly underway = new Set<Response>();
  private readonly unused = new Set<Socket>();
  private server: Server | undefined;

  readonly pass = (request: Request, response: Response, next: NextFunction): void => {
    this.unused.delete(request.socket);
    if (this.closing) {
      // Only a lost connection is opened again by an EventSource; one that was refused is closed for good.
      if (request.accepts(['application/problem+json', 'text/event-stream']) === 'text/event-stream') {
        response.destroy();
        return;
      }
      response.setHeader('Connection', 'close');
      if (!request.path.startsWith('/health/')) throw shuttingDown();
    }
    this.underway.add(response);
    response.once('close', () => this.underway.delete(response));
    next();
  };

  /** Call it before the server listens. */
  watch(server: Server): void {
    this.server = server;
    server.on('connection', (socket) => {
      this.unused.add(socket);
      socket.once('close', () => this.unused.delete(socket));
      if (this.closing) setTimeout(() => this.closeIfUnused(socket), FIRST_BYTES_MS).unref();
    });
  }

  onModuleDestroy(): void {
    this.closing = true;
    for (const response of this.underway) if (!response.headersSent) response.setHeader('Connection', 'close');
    // Node counts a connection as idle only after its first request.
    for (const socket of this.unused) this.closeIfUnused(socket);
    this.server?.closeIdleConnections();
  }

  private closeIfUnused(socket: Socket): void {
    if (this.unused.has(socket) && socket.bytesRead === 0) socket.destroy();
  }
}
