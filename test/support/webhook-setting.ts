import { DeliverySchedule } from '../../src/modules/webhooks/index.js';
import { startApp, type TestApp } from './app.js';
import type { TestDatabase } from './database.js';
import { eventually } from './faults.js';
import { WebhookReceiver } from './webhook-receiver.js';

/** Longer than a test looks. */
export const LATER_MS = 600_000;
/** Of an answer that a test keeps back; a job may take a minute. */
export const LONG_TIMEOUT_MS = 55_000;

/** What happened before the very first run of the relay is told to nobody. */
export async function relayHasBegun(database: TestDatabase): Promise<void> {
  await eventually('the place of webhooks in the feed', async () => {
    const places = await database.sql(`select from domain_event_cursors where name = 'webhooks'`);
    return places.length > 0;
  });
}

/** An app that may send to this machine, and two receivers. */
export class WebhookSetting {
  private constructor(
    readonly running: TestApp,
    readonly schedule: DeliverySchedule,
    readonly receiver: WebhookReceiver,
    readonly other: WebhookReceiver,
  ) {}

  static async start(): Promise<WebhookSetting> {
    const running = await startApp({ WEBHOOK_ALLOW_PRIVATE_NETWORKS: 'true' });
    await relayHasBegun(running.database);
    const [receiver, other] = [await WebhookReceiver.start(), await WebhookReceiver.start()];
    return new WebhookSetting(running, running.app.get(DeliverySchedule), receiver, other);
  }

  /** An endpoint of {@link receiver}, unless `body` says otherwise. */
  async endpoint(body: Record<string, unknown> = {}): Promise<{ id: string; path: string; secret: string }> {
    const reply = await this.running.api.post('/v1/webhook-endpoints', { url: this.receiver.url, ...body });
    if (reply.status !== 201) throw new Error(`No endpoint: ${JSON.stringify(reply.body)}`);
    return { id: reply.body.id, path: `/v1/webhook-endpoints/${reply.body.id}`, secret: reply.body.secret };
  }

  /** Newest first. */
  async deliveriesOf(path: string): Promise<any[]> {
    return (await this.running.api.get(`${path}/deliveries?limit=200`)).body.items;
  }

  /** Waits until the newest delivery was tried. @returns it */
  async attempted(path: string): Promise<any> {
    return eventually('an attempt', async () => {
      const [newest] = await this.deliveriesOf(path);
      return newest?.attempts > 0 && newest;
    });
  }

  /** Has the retries that wait for their time made now, at least one. */
  async hurryRetries(): Promise<void> {
    await eventually('a retry', async () => {
      const hurried = `update pgboss.job set start_after = now() where name = 'webhooks.retry' and start_after > now() returning id`;
      return (await this.running.database.sql(hurried)).length > 0;
    });
  }

  /** No endpoints, nothing received, short times. */
  async reset(): Promise<void> {
    const { api } = this.running;
    const { body } = await api.get('/v1/webhook-endpoints?limit=200');
    for (const { id } of body.items) await api.send('DELETE', `/v1/webhook-endpoints/${id}`);
    this.schedule.retryDelaysMs = [100, 100, 100];
    this.schedule.timeoutMs = 10_000;
    this.schedule.disableAfterMs = LATER_MS;
    this.receiver.reset();
    this.other.reset();
  }

  async stop(): Promise<void> {
    await this.running.close();
    await Promise.all([this.receiver.stop(), this.other.stop()]);
  }
}
