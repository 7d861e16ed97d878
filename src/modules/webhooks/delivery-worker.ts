import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { sql } from 'kysely';
import pLimit from 'p-limit';
import { Webhook } from 'standardwebhooks';
import { type Job, JobQueues, STATEMENT_TIME, TransactionRetry } from '../../extension.js';
import { type DeliveryJob, FIRST_QUEUE, RETRY_QUEUE } from './delivery-queues.js';
import { BODY_HASH, DeliveryLog } from './delivery-log.js';
import { SecretBox } from './secret-box.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { type Attempt, WebhookSender } from './webhook-sender.js';

/** Requests under way in this process, and to one endpoint at once. */
const CONCURRENCY = 200;
const PER_ENDPOINT = 10;
/** Of the connections of the app, which bookings need: so many are used at most. */
const CONNECTIONS = 2;
/** What failed to arrive is tried again by a new job. A job itself fails only while the database does. */
const JOB_RETRIES = 1_000;
const JOB_RETRY_DELAY_MAX_SECONDS = 10;
const JOB_SECONDS = 60;
/** Attempts that are kept in memory because they could not be written down: the oldest go first. */
const UNWRITTEN_MAX = 1_000;

/** A delivery with what is needed of its endpoint. */
interface Due {
  endpoint_id: string;
  message_id: string;
  type: string;
  body: string;
  body_hash: string;
  attempts: number;
  url: string;
  enabled: boolean;
  secret: string;
  previous_secret: string | null;
}

/** An attempt, and what was sent by it. */
interface Made {
  attempt: Attempt;
  bodyHash: string;
}

/** Makes the attempts: one per job, at least once after a crash of the process. */
@Injectable()
export class DeliveryWorker implements OnModuleInit {
  private readonly limit = pLimit(CONNECTIONS);
  /** By job. However long the database refuses to note an attempt: the endpoint is not to be asked again for that. */
  private readonly unwritten = new Map<string, Made>();

  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly queues: JobQueues,
    private readonly sender: WebhookSender,
    private readonly secrets: SecretBox,
    private readonly log: DeliveryLog,
    private readonly metrics: WebhookMetrics,
  ) {}

  onModuleInit(): void {
    const common = {
      retries: JOB_RETRIES,
      retryDelayMaxSeconds: JOB_RETRY_DELAY_MAX_SECONDS,
      expireInSeconds: JOB_SECONDS,
      concurrency: CONCURRENCY,
      perGroup: PER_ENDPOINT,
      handle: (job: Job<DeliveryJob>) => this.attempt(job),
    };
    this.queues.define<DeliveryJob>({ ...common, name: FIRST_QUEUE, policy: 'key_strict_fifo' });
    this.queues.define<DeliveryJob>({ ...common, name: RETRY_QUEUE });
  }

  private async attempt({ id, data: { deliveryId, attempt, isAskedFor = false }, signal }: Job<DeliveryJob>): Promise<void> {
    const due = await this.limit(() => this.retry.read(() => this.find(deliveryId)));
    if (!due || due.attempts >= attempt) return;
    if (!due.enabled && !isAskedFor) return this.limit(() => this.log.giveUp(deliveryId, 'The endpoint is disabled.'));
    const made = this.unwritten.get(id) ?? (await this.make(id, due, signal));
    const { endpoint_id: endpointId, type } = due;
    const of = { deliveryId, attempt, endpointId, type, bodyHash: made.bodyHash };
    await this.limit(() => this.log.record(of, made.attempt));
    this.unwritten.delete(id);
  }

  private async make(jobId: string, due: Due, signal: AbortSignal): Promise<Made> {
    const made = { attempt: await this.send(due, signal), bodyHash: due.body_hash };
    this.metrics.note(made.attempt);
    this.unwritten.set(jobId, made);
    if (this.unwritten.size > UNWRITTEN_MAX) this.unwritten.delete(this.unwritten.keys().next().value!);
    return made;
  }

  private send(due: Due, signal: AbortSignal): Promise<Attempt> {
    let headers: Record<string, string>;
    try {
      headers = this.headersOf(due);
    } catch (error) {
      const { message } = error as Error;
      return Promise.resolve({ status: null, body: null, error: message, retryAfterMs: null, latencyMs: 0 });
    }
    return this.sender.send(due.url, headers, due.body, signal);
  }

  /** Signed with each secret that is good, so that the receiver may still know the former one only. */
  private headersOf({
    endpoint_id: endpointId,
    message_id: messageId,
    body,
    secret,
    previous_secret,
  }: Due): Record<string, string> {
    const now = new Date();
    const sealed = previous_secret === null ? [secret] : [secret, previous_secret];
    const signatures = sealed.map((one) => new Webhook(this.secrets.open(one, endpointId)).sign(messageId, now, body));
    return {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'Holdfast-Webhooks',
      'webhook-id': messageId,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
      'webhook-signature': signatures.join(' '),
    };
  }

  private async find(deliveryId: string): Promise<Due | undefined> {
    const { rows } = await sql<Due>`/* find-webhook-delivery */
      select d.webhook_endpoint_id as endpoint_id, d.message_id, d.type, d.body, ${BODY_HASH} as body_hash, d.attempts,
             e.url, e.enabled, e.secret,
             case when e.previous_secret_ends_at > ${sql.raw(STATEMENT_TIME)} then e.previous_secret end as previous_secret
        from webhook_deliveries d join webhook_endpoints e on e.id = d.webhook_endpoint_id
       where d.id = ${deliveryId}::uuid
    `.execute(this.em.fork().getKysely());
    return rows[0];
  }
}
