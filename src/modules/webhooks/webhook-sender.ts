import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../../extension.js';
import { addressIn, isPublicAddress } from './address-rules.js';
import { DeliverySchedule } from './delivery-schedule.js';
import { HostLookup } from './host-lookup.js';

/** What one attempt brought. */
export interface Attempt {
  /** Null: no answer. */
  status: number | null;
  /** The beginning of the answer. */
  body: string | null;
  /** Why there was no answer. */
  error: string | null;
  retryAfterMs: number | null;
  latencyMs: number;
}

export function hasSucceeded({ status }: Attempt): boolean {
  return status !== null && status >= 200 && status < 300;
}

const ANSWER_BYTES_MAX = 1_024;
const ERROR_MAX_LENGTH = 500;
/** HTTP has none below. Those that nobody knows count as refusals. */
const STATUS_MIN = 100;

/** Text of others, as PostgreSQL can store it. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\u{fffd}');
}

class NotPublicError extends Error {
  constructor(host: string) {
    super(`${host} is not on the public internet (see WEBHOOK_ALLOW_PRIVATE_NETWORKS).`);
  }
}

/**
 * Sends one request to an address that others have chosen. The address is judged when the connection is made, and no redirect is
 * followed, so that a name which leads elsewhere by then gains nothing.
 */
@Injectable()
export class WebhookSender {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'WEBHOOK_ALLOW_PRIVATE_NETWORKS'>,
    private readonly lookup: HostLookup,
    private readonly schedule: DeliverySchedule,
  ) {}

  /** @throws Error when `signal` is aborted: then it is not known what came of it */
  async send(url: string, headers: Record<string, string>, body: string, signal: AbortSignal): Promise<Attempt> {
    const startedAt = performance.now();
    const deadline = AbortSignal.timeout(this.schedule.timeoutMs);
    const none = { status: null, body: null, retryAfterMs: null };
    const found = await this.exchange(url, headers, body, AbortSignal.any([signal, deadline])).catch((error: Error) => {
      if (signal.aborted) throw error;
      const message = deadline.aborted ? `No answer within ${this.schedule.timeoutMs / 1_000} s.` : error.message;
      return { ...none, error: storable(message.slice(0, ERROR_MAX_LENGTH)) };
    });
    return { ...found, latencyMs: Math.round(performance.now() - startedAt) };
  }

  private async exchange(
    url: string,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal,
  ): Promise<Omit<Attempt, 'latencyMs'>> {
    const answer = await this.open(new URL(url), { method: 'POST', headers, signal }, body);
    const status = answer.statusCode!;
    if (status < STATUS_MIN) {
      answer.destroy();
      throw new Error(`The answer has no valid status: ${status}.`);
    }
    const text = await beginningOf(answer);
    const retryAfterMs = millisecondsOf(answer.headers['retry-after']);
    return { status, body: text, error: null, retryAfterMs };
  }

  private open(url: URL, options: RequestOptions, body: string): Promise<IncomingMessage> {
    const isTls = url.protocol === 'https:';
    const address = addressIn(url);
    if (!isTls && !this.environment.WEBHOOK_ALLOW_PRIVATE_NETWORKS) throw new Error('The URL does not begin with https://.');
    // An address is connected to without a look-up.
    if (address !== null && !this.mayReach(address)) throw new NotPublicError(url.hostname);
    const target = { host: address ?? url.hostname, port: Number(url.port || (isTls ? 443 : 80)), lookup: this.judged };
    const createConnection = (): Socket => {
      const socket = isTls
        ? connectTls({ ...target, ...(isIP(target.host) ? {} : { servername: target.host }) })
        : connect(target);
      // Before the listener that sends the request.
      return socket.prependOnceListener('connect', () => {
        if (!this.mayReach(socket.remoteAddress ?? '')) socket.destroy(new NotPublicError(url.hostname));
      });
    };
    return new Promise((resolve, reject) => {
      const request = (isTls ? httpsRequest : httpRequest)(url, { ...options, createConnection }, resolve);
      request.on('error', reject);
      request.on('close', () => reject(new Error('The connection was closed without an answer.')));
      request.end(body);
    });
  }

  /** Looks up a host, and refuses all of it when one of its addresses is forbidden. */
  private readonly judged: LookupFunction = (host, options, answer) => {
    this.lookup.all(host, (error, addresses) => {
      if (error) return answer(error, '');
      if (addresses.length === 0 || !addresses.every(({ address }) => this.mayReach(address))) {
        return answer(new NotPublicError(host), '');
      }
      if (options.all) return answer(null, addresses);
      return answer(null, addresses[0]!.address, addresses[0]!.family);
    });
  };

  private mayReach(address: string): boolean {
    return this.environment.WEBHOOK_ALLOW_PRIVATE_NETWORKS || isPublicAddress(address);
  }
}

/** Reads so much and no more; the connection is then cut. What came before a failure is kept: the status is known. */
async function beginningOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= ANSWER_BYTES_MAX) break;
    }
  } catch {
    // Cut off, or too slow.
  }
  answer.destroy();
  return storable(Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX).toString('utf8'));
}

/** Of `Retry-After`, which is a number of seconds or a date. */
function millisecondsOf(retryAfter: string | undefined): number | null {
  if (retryAfter === undefined) return null;
  const text = retryAfter.trim();
  const delay = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(delay) ? null : Math.max(0, delay);
}
