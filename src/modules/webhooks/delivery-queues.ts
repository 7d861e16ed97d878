import type { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { JobQueues, STATEMENT_TIME } from '../../extension.js';

/** First attempts: of one order and endpoint one after the other, as the facts were. */
export const FIRST_QUEUE = 'webhooks.deliver';
/** All later ones: they wait for their time without holding anything back. */
export const RETRY_QUEUE = 'webhooks.retry';

/** What a job says. The delivery has the rest. */
export interface DeliveryJob {
  deliveryId: string;
  /** Which attempt it stands for: done already when the delivery has as many. */
  attempt: number;
  /** Somebody asked for it, so it is made also when the endpoint is disabled. */
  isAskedFor?: boolean;
}

export interface NewDelivery {
  endpointId: string;
  messageId: string;
  type: string;
  eventId: string | null;
  orderId: string | null;
  /** As it is sent. */
  body: string;
}

const RECORD = sql.raw('id uuid, endpoint_id uuid, message_id uuid, type text, event_id uuid, order_id uuid, body text');

/** Writes deliveries with the jobs that make them, in the transaction of `em`. */
@Injectable()
export class DeliveryQueues {
  constructor(private readonly queues: JobQueues) {}

  /** All of them in two statements; first attempts are made in this order. @returns their ids */
  async add(em: EntityManager, deliveries: readonly NewDelivery[], isAskedFor = false): Promise<string[]> {
    if (deliveries.length === 0) return [];
    const rows = deliveries.map((delivery) => ({
      id: uuidv7(),
      endpoint_id: delivery.endpointId,
      message_id: delivery.messageId,
      type: delivery.type,
      event_id: delivery.eventId,
      order_id: delivery.orderId,
      body: delivery.body,
    }));
    const now = sql.raw(STATEMENT_TIME);
    await sql`/* add-webhook-deliveries */
      insert into webhook_deliveries
             (id, webhook_endpoint_id, message_id, type, event_id, order_id, body, created_at, next_attempt_at)
      select id, endpoint_id, message_id, type, event_id, order_id, body, ${now}, ${now}
        from json_to_recordset(${JSON.stringify(rows)}::json) as d (${RECORD})
    `.execute(em.getKysely());
    await this.queues.insert(
      em,
      FIRST_QUEUE,
      rows.map((row) => ({
        // Jobs that are made at once are told apart by their ids only, and these grow.
        id: uuidv7(),
        key: `${row.endpoint_id} ${row.order_id ?? row.event_id ?? ''}`,
        group: row.endpoint_id,
        data: { deliveryId: row.id, attempt: 1, ...(isAskedFor ? { isAskedFor } : {}) } satisfies DeliveryJob,
      })),
    );
    return rows.map(({ id }) => id);
  }

  async addRetry(em: EntityManager, endpointId: string, job: DeliveryJob, startAfter?: Date): Promise<void> {
    await this.queues.insert(em, RETRY_QUEUE, [{ group: endpointId, data: job, ...(startAfter ? { startAfter } : {}) }]);
  }

  /** How many first attempts wait, counted up to `max`. */
  waiting(em: EntityManager, max: number): Promise<number> {
    return this.queues.waiting(em, FIRST_QUEUE, max);
  }
}
