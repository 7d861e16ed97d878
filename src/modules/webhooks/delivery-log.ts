import { EntityManager } from '@mikro-orm/postgresql';
import { LockMode } from '@mikro-orm/core';
import { Injectable, Logger } from '@nestjs/common';
import { sql } from 'kysely';
import { databaseNow, DomainError, recordDomainEvents, STATEMENT_TIME, TransactionRetry } from '../../extension.js';
import { DeliveryQueues } from './delivery-queues.js';
import { DeliverySchedule } from './delivery-schedule.js';
import { type DisabledReason, WebhookEndpoint } from './webhook-endpoint.entity.js';
import { TEST_TYPE, WebhookEndpointDisabled } from './webhook-facts.js';
import { toWebhookEndpointDto } from './webhook.mapper.js';
import { type Attempt, hasSucceeded } from './webhook-sender.js';

export interface AttemptOf {
  deliveryId: string;
  /** Counted from 1. */
  attempt: number;
  endpointId: string;
  type: string;
  /** {@link BODY_HASH} of what was sent. */
  bodyHash: string;
}

/** SQL for what tells whether the body of the delivery `d` is still the same. */
export const BODY_HASH = sql.raw(`encode(sha256(convert_to(d.body, 'UTF8')), 'hex')`);

const GONE = 410;
/** The statuses whose `Retry-After` says when it is worth trying again. */
const STATUSES_TO_WAIT_FOR = new Set([429, 503]);
const NOW = sql.raw(STATEMENT_TIME);

/** Writes down what attempts brought, with what follows from it: the next attempt, and the state of the endpoint. */
@Injectable()
export class DeliveryLog {
  private readonly logger = new Logger(DeliveryLog.name);

  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly queues: DeliveryQueues,
    private readonly schedule: DeliverySchedule,
  ) {}

  /**
   * Again with the same attempt: no change, so what a crash or a lost connection repeats counts once. What the endpoint said
   * must never be why its answer is not noted: should the database refuse that, the rest is.
   */
  async record(of: AttemptOf, made: Attempt): Promise<void> {
    try {
      await this.write(of, made);
    } catch (error) {
      // The database is away or busy, and the job is tried again.
      if (error instanceof DomainError) throw error;
      this.logger.error(`The attempt of delivery ${of.deliveryId} is noted without its answer: ${(error as Error).message}`);
      await this.write(of, { ...made, body: null, error: made.error === null ? null : 'The failure cannot be written down.' });
    }
  }

  private write(of: AttemptOf, made: Attempt): Promise<void> {
    const isDone = hasSucceeded(made);
    const delayMs = isDone ? null : this.delayMs(of, made);
    const status = isDone ? 'succeeded' : delayMs === null ? 'failed' : 'pending';
    // A person who was erased meanwhile was in what the endpoint got, and so may be in what it says.
    const isAsSent = sql`${BODY_HASH} = ${of.bodyHash}`;
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const { rows } = await sql<{ next_attempt_at: Date | null; failing_since: Date | null }>`/* record-webhook-attempt */
          update webhook_deliveries d
             set attempts = ${of.attempt}::integer, status = ${status}, last_attempt_at = ${NOW},
                 next_attempt_at = ${NOW} + make_interval(secs => ${delayMs === null ? null : delayMs / 1_000}::double precision),
                 latency_ms = ${made.latencyMs}::integer, response_status = ${made.status}::smallint,
                 response_body = case when ${isAsSent} then ${made.body}::text end,
                 error = case when ${isAsSent} then ${made.error}::text end
            from webhook_endpoints e
           where d.id = ${of.deliveryId}::uuid and d.attempts < ${of.attempt}::integer and e.id = d.webhook_endpoint_id
          returning d.next_attempt_at, e.failing_since
        `.execute(em.getKysely());
        const [row] = rows;
        if (!row) return;
        if (row.next_attempt_at) {
          const job = { deliveryId: of.deliveryId, attempt: of.attempt + 1 };
          await this.queues.addRetry(em, of.endpointId, job, new Date(row.next_attempt_at));
        }
        if (!isDone) await this.noteFailure(em, of.endpointId, made.status === GONE);
        else if (row.failing_since !== null) await noteSuccess(em, of.endpointId);
      });
    return this.retry.run(work, { recognisesItsOwnCommit: true });
  }

  /** Ends a delivery without an attempt. */
  async giveUp(deliveryId: string, error: string): Promise<void> {
    const work = () =>
      sql`update webhook_deliveries set status = 'failed', next_attempt_at = null, error = ${error}
           where id = ${deliveryId}::uuid and status = 'pending'`.execute(this.em.fork().getKysely());
    await this.retry.run(work, { recognisesItsOwnCommit: true });
  }

  private delayMs({ type, attempt }: AttemptOf, { status, retryAfterMs }: Attempt): number | null {
    if (type === TEST_TYPE || status === GONE) return null;
    return this.schedule.delayMs(attempt, STATUSES_TO_WAIT_FOR.has(status ?? 0) ? retryAfterMs : null);
  }

  private async noteFailure(em: EntityManager, endpointId: string, isGone: boolean): Promise<void> {
    const endpoint = await em.findOne(WebhookEndpoint, { id: endpointId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!endpoint?.enabled) return;
    const now = await databaseNow(em);
    const hasFailedForDays =
      endpoint.failingSince !== null && now.getTime() - endpoint.failingSince.getTime() >= this.schedule.disableAfterMs;
    if (isGone || hasFailedForDays) await disable(em, endpoint, isGone ? 'gone' : 'failing', now);
    else if (endpoint.failingSince === null) endpoint.failFrom(now);
  }
}

async function disable(em: EntityManager, endpoint: WebhookEndpoint, reason: DisabledReason, now: Date): Promise<void> {
  endpoint.disableItself(reason, now);
  const data = toWebhookEndpointDto(endpoint);
  await recordDomainEvents(em, [{ type: WebhookEndpointDisabled, eventId: null, occurredAt: now, data }]);
}

async function noteSuccess(em: EntityManager, endpointId: string): Promise<void> {
  await sql`update webhook_endpoints set failing_since = null, version = version + 1, updated_at = ${NOW}
             where id = ${endpointId}::uuid and failing_since is not null`.execute(em.getKysely());
}
