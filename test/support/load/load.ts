import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, Reply } from '../client.js';
import { eventually } from '../faults.js';
import type { Call, Command } from '../history/calls.js';
import { Recorder } from '../history/recorder.js';
import { successOf } from '../history/requests.js';
import { EarlyEnds } from './early-ends.js';
import { type EventForSale, Shoppers } from './shoppers.js';

export interface LoadOptions {
  /** Where to ask; each attempt takes one at random, dead or alive. */
  apis: () => readonly ApiClient[];
  events: readonly EventForSale[];
  clients?: number;
  /** Longest wait of a client between its calls; the shortest is 0. */
  thinkMs?: number;
  /** How long a client waits for one answer before it asks again. */
  attemptTimeoutMs?: number;
  /** How many of the calls are never asked again once an attempt has failed, as by a customer who closes the page. */
  giveUpChance?: number;
  /** How many of the calls are one of before once more, with its key, as by a client that has lost the answer. */
  repeatChance?: number;
}

/** How many of the latest that succeeded may come again. */
const ANSWERED_MAX = 1_000;
const RETRY_AFTER_MS = { min: 20, max: 150 };
/** After the end of the load, for what is under way; a client that is not answered by then leaves a call of unknown outcome. */
const PATIENCE_MS = 20_000;

/** Clients that follow the rules: what was not answered is asked again, with the same key, until it is. All is recorded. */
export class Load {
  readonly recorder = new Recorder();
  /** Changes that were answered with success, without repeats. */
  acknowledged = 0;
  /** How long each answer 503 took. */
  readonly unavailableMs: number[] = [];
  /** Attempts that got no answer, or 503. */
  failedAttempts = 0;
  /** Calls that were left unanswered at the very end, against the will of their clients. */
  abandoned = 0;
  private readonly shoppers: Shoppers;
  /** The latest that have succeeded. */
  private readonly answered: Call[] = [];
  private readonly earlyEnds: EarlyEnds;
  private readonly clients: Array<Promise<void>>;
  private endedAt = Infinity;
  private patienceMs = 0;

  private constructor(private readonly options: LoadOptions) {
    this.shoppers = new Shoppers(options.events);
    this.earlyEnds = new EarlyEnds(options.events);
    this.clients = Array.from({ length: options.clients ?? 32 }, () => this.client());
  }

  /** Clients ask while the work is done; then those under way are asked until they are answered. @returns the load, at its end */
  static async during(options: LoadOptions, work: (load: Load) => Promise<unknown>): Promise<Load> {
    const load = new Load(options);
    try {
      await work(load);
    } catch (error) {
      await load.stop(0);
      throw error;
    }
    await load.stop(PATIENCE_MS);
    return load;
  }

  /** Waits until so many more calls have succeeded. @throws Error when they do not for a long time */
  async progress(successes: number): Promise<void> {
    const wanted = this.acknowledged + successes;
    await eventually(`${successes} more successes`, () => Promise.resolve(this.acknowledged >= wanted));
  }

  private async stop(patienceMs: number): Promise<void> {
    this.endedAt = performance.now();
    this.recorder.end();
    this.patienceMs = patienceMs;
    await Promise.all(this.clients);
    await this.earlyEnds.stop();
  }

  private async client(): Promise<void> {
    const { repeatChance = 0.05 } = this.options;
    while (this.endedAt === Infinity) {
      const again = Math.random() < repeatChance ? this.answered[Math.floor(Math.random() * this.answered.length)] : undefined;
      const { eventId, command } = again ?? this.shoppers.next();
      const call = await this.call(eventId, command, again?.key ?? randomUUID());
      if (!again) this.note(call);
      await sleep(Math.random() * (this.options.thinkMs ?? 10));
    }
  }

  private async call(eventId: string, command: Command, key: string): Promise<Call> {
    const { apis, attemptTimeoutMs = 5_000, giveUpChance = 0.05 } = this.options;
    // Drawn once: attempts fail fast in an outage, and nearly all keys would be given up, which then tell nothing.
    const isImpatient = Math.random() < giveUpChance;
    const call = this.recorder.begin(eventId, key, command);
    while (performance.now() < this.endedAt + this.patienceMs) {
      const list = apis();
      const api = list[Math.floor(Math.random() * list.length)]!;
      const sentAt = performance.now();
      const reply = await send(api, eventId, key, command, AbortSignal.timeout(attemptTimeoutMs)).catch(nullIfUnanswered);
      if (reply && reply.status !== 503) {
        this.recorder.complete(call, reply);
        return call;
      }
      this.failedAttempts += 1;
      if (reply) this.unavailableMs.push(performance.now() - sentAt);
      else this.recorder.leaveOpen(call);
      if (isImpatient) return call;
      await sleep(RETRY_AFTER_MS.min + Math.random() * (RETRY_AFTER_MS.max - RETRY_AFTER_MS.min));
      this.recorder.retry(call);
    }
    this.abandoned += 1;
    return call;
  }

  private note(call: Call): void {
    const order = successOf(call);
    if (!order || call.command.do === 'read') return;
    this.acknowledged += 1;
    this.answered.push(call);
    if (this.answered.length > ANSWERED_MAX) this.answered.shift();
    if (call.command.do === 'book') this.shoppers.learn(call.eventId, order);
  }
}

/** What a request that got no whole answer rejects with; an answer that cannot be read is one all the same, and a wrong one. */
function nullIfUnanswered(error: unknown): null | Reply {
  if (error instanceof SyntaxError) return { status: 0, headers: new Headers(), body: { code: `not JSON: ${error.message}` } };
  return null;
}

function send(api: ApiClient, eventId: string, key: string, command: Command, signal: AbortSignal): Promise<Reply> {
  if (command.do === 'read') return api.send('GET', `/v1/orders/${command.orderId}`, undefined, {}, signal);
  const [path, body] = requestOf(eventId, key, command);
  return api.send('POST', path, body, { 'idempotency-key': key }, signal);
}

function requestOf(eventId: string, key: string, command: Exclude<Command, { do: 'read' }>): [path: string, body: unknown] {
  switch (command.do) {
    case 'book': {
      const hold = command.holdSeconds === null ? {} : { hold: { seconds: command.holdSeconds } };
      // The checker finds the key in the order, and so a second order of one key, whatever the app remembers of keys.
      const body = { items: command.items, customer: { email: 'ada@example.com', name: 'Ada' }, metadata: { key }, ...hold };
      return [`/v1/events/${eventId}/bookings`, body];
    }
    case 'confirm':
      return [`/v1/orders/${command.orderId}/confirm`, command.revive ? { reviveIfAvailable: true } : {}];
    case 'extend':
      return [`/v1/orders/${command.orderId}/extend`, { seconds: command.seconds }];
    case 'cancel':
      return [`/v1/orders/${command.orderId}/cancel`, command.items === null ? {} : { items: command.items }];
  }
}
