import { Logger } from '@nestjs/common';
import { messageOf } from '../errors/message-of.js';

/** So many attempts to connect must fail in a row: one may be bad luck, as when the server is just being replaced. */
const FAILURES_TO_OPEN = 3;
const FIRST_PROBE_DELAY_MS = 100;
const LONGEST_PROBE_DELAY_MS = 2_000;

/** No connection was attempted, because the last ones failed. What asked for one learns it at once. */
export class DatabaseDownError extends Error {
  constructor(
    readonly retryAfterMs: number,
    cause: unknown,
  ) {
    super('The database could not be reached lately, and is not tried again before the next probe', { cause });
  }
}

/** The server takes no writes: it is a standby, so another one is the primary or will be. */
export class ReadOnlyServerError extends Error {
  /** As PostgreSQL says it of a statement. */
  readonly code = '25006';

  constructor() {
    super('The server is read-only');
  }
}

/** What a circuit needs of the connections that it looks after. */
export interface Guarded {
  /** Makes a connection, checks it as every new one is, and ends it. */
  probe(): Promise<void>;
  /** Ends the connections that are there, each as soon as it is not in use. */
  retireAll(): void;
  /** Answers all who wait for a connection. */
  refuseWaiting(error: DatabaseDownError): void;
}

/**
 * Stands before every attempt to make a connection, and nowhere else: what goes wrong on a connection (a lock time-out, a
 * statement that fails) never opens it, and a request that finds an idle connection does not meet it.
 * After {@link FAILURES_TO_OPEN} failures in a row it is open: attempts are refused at once, and one probe at a time, with
 * back-off and jitter, finds out when the server is back. No request has to wait for a probe, or to come for one to be made.
 */
export class ConnectionCircuit {
  private readonly logger = new Logger('Database');
  private readonly guarded = new Set<Guarded>();
  private failures = 0;
  private lastError: unknown = null;
  private probes = 0;
  private nextProbeAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private isProbing = false;
  private isStopped = false;

  get isOpen(): boolean {
    return this.failures >= FAILURES_TO_OPEN;
  }

  /** Why there is no connection for who needs another one; null: there may be. */
  get refusal(): DatabaseDownError | null {
    return this.isOpen ? new DatabaseDownError(Math.max(0, this.nextProbeAt - Date.now()), this.lastError) : null;
  }

  /** Open, and only because the server has no connection left: those that are there can be waited for. */
  get isOpenForWantOfSlots(): boolean {
    return this.isOpen && (this.lastError as { code?: unknown } | null)?.code === '53300';
  }

  guard(connections: Guarded): void {
    this.guarded.add(connections);
  }

  /** @throws DatabaseDownError while it is open */
  admit(): void {
    const { refusal } = this;
    if (refusal) throw refusal;
  }

  succeeded(): void {
    if (this.isOpen) this.logger.log('The database can be reached again');
    this.failures = 0;
    this.probes = 0;
    clearTimeout(this.timer);
  }

  failed(error: unknown): void {
    const wasOpen = this.isOpen;
    this.failures += 1;
    this.lastError = error;
    if (wasOpen || !this.isOpen) return;
    this.logger.warn(`The database cannot be reached: ${messageOf(error)}`);
    this.scheduleProbe();
    if (!this.isOpenForWantOfSlots) for (const connections of this.guarded) connections.refuseWaiting(this.refusal!);
  }

  /** A statement was refused because the server is read-only, so other connections may lead to it as well. */
  foundReadOnly(): void {
    for (const connections of this.guarded) connections.retireAll();
    this.suspect();
  }

  /** Something looks as if the server were gone: makes sure, without keeping anybody waiting. */
  suspect(): void {
    if (!this.isOpen) void this.probe(FAILURES_TO_OPEN);
  }

  /** No probe begins any more. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private scheduleProbe(): void {
    if (this.isStopped) return;
    const longest = Math.min(LONGEST_PROBE_DELAY_MS, FIRST_PROBE_DELAY_MS * 2 ** this.probes);
    const delayMs = longest * (0.5 + Math.random() / 2);
    this.nextProbeAt = Date.now() + delayMs;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.probe(1), delayMs).unref();
  }

  /** @param weight as how many failures it counts when it fails */
  private async probe(weight: number): Promise<void> {
    const [connections] = this.guarded;
    if (!connections || this.isProbing || this.isStopped) return;
    this.isProbing = true;
    this.probes += 1;
    try {
      await connections.probe();
      this.succeeded();
    } catch (error) {
      for (let count = 0; count < weight; count++) this.failed(error);
      this.scheduleProbe();
    } finally {
      this.isProbing = false;
    }
  }
}
