import { Inject, Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ENVIRONMENT } from '../../platform/config/config.module.js';
import type { Environment } from '../../platform/config/environment.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { OVERLOADED, RATE_LIMITED } from '../../platform/errors/platform.errors.js';
import { type Availability, AvailabilityService } from './availability.service.js';

const POLL_INTERVAL_MS = 300;
const HEARTBEAT_INTERVAL_MS = 15_000;
/** What a client is told to wait before it connects again. */
const RECONNECT_MS = 2_000;
/** A listener that has this many bytes waiting does not keep up; it is cut off and may come again. */
const MOST_WAITING_BYTES = 64 * 1024;

interface Listener {
  readonly address: string;
  readonly response: Response;
  /** The entity tag of what it was sent last. */
  etag: string;
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
  private open = 0;
  private stopped = false;

  constructor(
    private readonly availability: AvailabilityService,
    private readonly retry: TransactionRetry,
    @Inject(ENVIRONMENT) private readonly limits: Pick<Environment, 'STREAMS_MAX' | 'STREAMS_MAX_PER_ADDRESS'>,
  ) {}

  /** @throws DomainError `event-not-found`, `overloaded`, `rate-limited` */
  async listen(eventId: string, request: Request, response: Response): Promise<void> {
    const address = request.ip ?? '';
    this.assertRoom(address);
    const current = await this.retry.read(() => this.availability.get(eventId));
    if (response.destroyed) return;
    this.assertRoom(address);
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    response.write(`retry: ${RECONNECT_MS}\n\n`);
    const listener: Listener = { address, response, etag: '', lastWriteAt: 0 };
    this.add(eventId, listener);
    response.once('close', () => this.remove(eventId, listener));
    this.send(listener, current);
  }

  beforeApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const { response } of this.all()) response.end();
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
    this.timer ??= setTimeout(() => void this.poll(), POLL_INTERVAL_MS);
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

  private async poll(): Promise<void> {
    try {
      for (const current of await this.availability.read([...this.listeners.keys()])) {
        for (const listener of this.listeners.get(current.body.eventId) ?? []) this.send(listener, current);
      }
    } catch (error) {
      // The listeners keep what they have; the next poll may reach the database again.
      this.logger.warn(`Cannot read the availability: ${(error as Error).message}`);
    }
    this.heartbeat();
    this.timer = this.stopped || this.open === 0 ? undefined : setTimeout(() => void this.poll(), POLL_INTERVAL_MS);
  }

  private send(listener: Listener, { sequence, etag, body }: Availability): void {
    if (listener.etag === etag) return;
    listener.etag = etag;
    this.write(listener, `id: ${sequence}\nevent: availability\ndata: ${JSON.stringify(body)}\n\n`);
  }

  private heartbeat(): void {
    const before = Date.now() - HEARTBEAT_INTERVAL_MS;
    for (const listener of this.all()) if (listener.lastWriteAt < before) this.write(listener, ': still here\n\n');
  }

  private write(listener: Listener, text: string): void {
    listener.lastWriteAt = Date.now();
    if (listener.response.writableLength > MOST_WAITING_BYTES) listener.response.destroy();
    else listener.response.write(text);
  }

  private *all(): Generator<Listener> {
    for (const ofEvent of this.listeners.values()) yield* ofEvent;
  }
}
