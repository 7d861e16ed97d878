import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';

export interface Received {
  path: string;
  headers: Record<string, string>;
  /** As it was sent, for the signature. */
  text: string;
  body: { type: string; timestamp: string; data: any };
}

type Answer = (received: Received, response: ServerResponse) => void;

/** From the last one that came. */
const WAIT_MS = 45_000;

/** Somebody's server that takes webhooks: a real one, on this machine. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  /** Requests that wait for their answer, now and at most. */
  open = 0;
  openMax = 0;
  private cameAt = -Infinity;
  answer: Answer = (_, response) => response.end('ok');

  private constructor(private readonly server: Server) {}

  static async start(): Promise<WebhookReceiver> {
    const server = createServer((request, response) => void receiver.take(request, response));
    const receiver = new WebhookReceiver(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  get ids(): string[] {
    return this.received.map(({ headers }) => headers['webhook-id']!);
  }

  ofType(type: string): Received[] {
    return this.received.filter(({ body }) => body.type === type);
  }

  /** Begins anew: nothing received, everything answered with 200. */
  reset(): void {
    this.received.length = 0;
    this.openMax = 0;
    this.answer = (_, response) => response.end('ok');
  }

  /** @throws Error when it does not come true in time */
  async until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
    const beganAt = performance.now();
    while (!(await isTrue())) {
      if (performance.now() > Math.max(beganAt, this.cameAt) + WAIT_MS)
        throw new Error(`Only ${this.received.length} webhooks came: ${this.ids.join(', ')}`);
      await sleep(20);
    }
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.open += 1;
    this.openMax = Math.max(this.openMax, this.open);
    response.once('close', () => (this.open -= 1));
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const headers = request.headers as Record<string, string>;
    const received = { path: request.url!, headers, text, body: JSON.parse(text) as Received['body'] };
    this.received.push(received);
    this.cameAt = performance.now();
    this.answer(received, response);
  }
}

/** @throws WebhookVerificationError when the secret did not sign it */
export function verify(secret: string, { text, headers }: Received): unknown {
  return new Webhook(secret).verify(text, headers);
}
