import type { Socket } from 'node:net';
import { Inject, Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ENVIRONMENT } from '../../platform/config/config.module.js';
import type { Environment } from '../../platform/config/environment.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { OVERLOADED, RATE_LIMITED } from '../../platform/errors/platform.errors.js';
import { clientAddressOf } from '../../platform/http/client-address.js';
import { type Availability, AvailabilityService } from './availability.service.js';

const POLL_INTERVAL_MS = 300;
const HEARTBEAT_INTERVAL_MS = 15_000;
/** What a client is told to wait before it connects again. */
const RECONNECT_MS = 2_000;
/** A listener that has this many bytes waiting does not keep up; it is cut off and may come again. */
const MOST_WAITING_BYTES = 64 * 1024;

interface Listener {
  readonly address: string;
  readonly socket: Socket;
  readonly response: Response;
  /** The entity tag of what it was sent last. */
  etag: string;
  /** Of a clock that nobody sets. */
  lastWriteAt: number;
}

/**
 * Server-sent events with the availability of events. While somebody listens, the process asks one query for all the events
 * that are listened to, every 300 ms, and sends what changed: see docs/decisions/poll-not-notify.md.
 */
@Injectable()
export class AvailabilityStreams implements BeforeApplicationShutdown {
  private readonly logger = new Logger(AvailabilityStreams.name);
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly perAddress = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private polling: Promise<void> = Promise.resolve();
  private open = 0;
  private failing = false;
  private stopped = false;

  constructor(
    private readonly availability: AvailabilityService,
    private readonly retry: TransactionRetry,
    @Inject(ENVIRONMENT) private readonly limits: Pick<Environment, 'STREAMS_MAX' | 'STREAMS_MAX_PER_ADDRESS'>,
  ) {}

  /** @throws DomainError `event-not-found`, `overloaded`, `rate-limited` */
  async listen(eventId: string, seesDrafts: boolean, request: Request, response: Response): Promise<void> {
    const { socket } = request;
    const address = clientAddressOf(request);
    this.assertRoom(address);
    const current = await this.retry.read(() => this.availability.get(eventId, seesDrafts));
    if (socket.destroyed) return;
    this.assertRoom(address);
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
      // The end of the stream ends the connection. Kept alive, it would bring an EventSource back to an instance that shuts
      // down, whose 503 it takes for the end.
      Connection: 'close',
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    response.write(`retry: ${RECONNECT_MS}\n\n`);
    const listener: Listener = { address, socket, response, etag: '', lastWriteAt: 0 };
    this.add(eventId, listener);
    // Not that of the response: one that waits behind another on its connection need not hear of its end.
    socket.once('close', () => this.remove(eventId, listener));
    this.send(listener, current.etag, messageOf(current));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const { response } of this.all()) response.end();
    await this.polling;
  }

  private assertRoom(address: string): void {
    if (this.stopped || this.open >= this.limits.STREAMS_MAX) {
      throw new DomainError(OVERLOADED, 'This server has as many streams open as it may.');
    }
    const most = this.limits.STREAMS_MAX_PER_ADDRESS;
    if ((this.perAddress.get(address) ?? 0) < most) return;
    throw new DomainError(RATE_LIMITED, `This address has ${most} streams open, as many as it may.`);
  }

  private add(eventId: string, listener: Listener): void {
    const ofEvent = this.listeners.get(eventId) ?? new Set();
    this.listeners.set(eventId, ofEvent.add(listener));
    this.count(listener.address, 1);
    if (!this.timer) this.schedule();
  }

  private remove(eventId: string, listener: Listener): void {
    const ofEvent = this.listeners.get(eventId);
    if (!ofEvent?.delete(listener)) return;
    if (ofEvent.size === 0) this.listeners.delete(eventId);
    this.count(listener.address, -1);
  }

  private count(address: string, change: 1 | -1): void {
    this.open += change;
    const count = (this.perAddress.get(address) ?? 0) + change;
    if (count > 0) this.perAddress.set(address, count);
    else this.perAddress.delete(address);
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.polling = this.poll();
    }, POLL_INTERVAL_MS);
  }

  private async poll(): Promise<void> {
    this.heartbeat();
    // Who comes while the query runs has an answer of its own, which may be newer.
    const listeners = new Map([...this.listeners].map(([eventId, ofEvent]) => [eventId, [...ofEvent]]));
    try {
      const read = listeners.size === 0 ? [] : await this.availability.read([...listeners.keys()]);
      for (const current of read) this.fanOut(listeners.get(current.body.eventId)!, current);
      this.failing = false;
    } catch (error) {
      // The listeners keep what they have; a later poll may reach the database again.
      if (!this.failing) this.logger.warn(`Cannot read the availability, trying on: ${(error as Error).message}`);
      this.failing = true;
    }
    this.timer = undefined;
    if (!this.stopped && this.open > 0) this.schedule();
  }

  private fanOut(listeners: readonly Listener[], current: Availability): void {
    const behind = listeners.filter(({ etag }) => etag !== current.etag);
    if (behind.length === 0) return;
    const message = messageOf(current);
    for (const listener of behind) this.send(listener, current.etag, message);
  }

  private send(listener: Listener, etag: string, message: string): void {
    listener.etag = etag;
    this.write(listener, message);
  }

  private heartbeat(): void {
    const before = performance.now() - HEARTBEAT_INTERVAL_MS;
    for (const listener of this.all()) if (listener.lastWriteAt < before) this.write(listener, ': still here\n\n');
  }

  private write(listener: Listener, text: string): void {
    const { response, socket } = listener;
    listener.lastWriteAt = performance.now();
    if (response.writableEnded) return;
    if (response.writableLength > MOST_WAITING_BYTES) socket.destroy();
    else response.write(text);
  }

  private *all(): Generator<Listener> {
    for (const ofEvent of this.listeners.values()) yield* ofEvent;
  }
}

/** Made once for all listeners of an event. */
function messageOf({ sequence, body }: Availability): string {
  return `id: ${sequence}\nevent: availability\ndata: ${JSON.stringify(body)}\n\n`;
}
