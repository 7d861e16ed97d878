import { LockMode } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import {
  afterCursor,
  type Answer,
  databaseNow,
  formatTime,
  type IdempotentRequest,
  IdempotencyStore,
  type Page,
  type PageQueryDto,
  toPage,
  TransactionRetry,
} from '../../extension.js';
import { DeliveryQueues } from './delivery-queues.js';
import { endpointOf } from './endpoint-of.js';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { bodyOf } from './webhook-dispatcher.js';
import { TEST_TYPE } from './webhook-facts.js';
import { toWebhookDeliveryDto, toWebhookEndpointDto } from './webhook.mapper.js';
import type { WebhookDeliveryDto } from './webhooks.dto.js';
import { webhookDeliveryNotFound } from './webhooks.errors.js';

@Injectable()
export class WebhookDeliveriesService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
    private readonly queues: DeliveryQueues,
  ) {}

  list(endpointId: string, query: PageQueryDto): Promise<Page<WebhookDeliveryDto>> {
    return this.retry.read(async () => {
      const em = this.em.fork();
      await endpointOf(em, endpointId);
      const after = afterCursor<WebhookDelivery>(query, 'createdAt', 'desc');
      const rows = await em.find(
        WebhookDelivery,
        { $and: [{ webhookEndpointId: endpointId }, after] },
        { orderBy: { createdAt: 'desc', id: 'desc' }, limit: query.limit + 1 },
      );
      return toPage(rows, query, ({ createdAt, id }) => [formatTime(createdAt), id], toWebhookDeliveryDto);
    });
  }

  /** Sends the endpoint, as the API shows it, to itself. */
  test(endpointId: string, request: IdempotentRequest | null): Promise<Answer<WebhookDeliveryDto>> {
    return this.once(request, async (em) => {
      const endpoint = await endpointOf(em, endpointId);
      const body = bodyOf(TEST_TYPE, await databaseNow(em), toWebhookEndpointDto(endpoint));
      const delivery = { endpointId, messageId: uuidv7(), type: TEST_TYPE, eventId: null, orderId: null, body };
      const [id] = await this.queues.add(em, [delivery], true);
      return em.findOneOrFail(WebhookDelivery, { id: id! });
    });
  }

  redeliver(endpointId: string, deliveryId: string, request: IdempotentRequest | null): Promise<Answer<WebhookDeliveryDto>> {
    return this.once(request, async (em) => {
      await endpointOf(em, endpointId);
      const where = { id: deliveryId, webhookEndpointId: endpointId };
      const delivery = await em.findOne(WebhookDelivery, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!delivery) throw webhookDeliveryNotFound(deliveryId);
      delivery.status = 'pending';
      delivery.nextAttemptAt = await databaseNow(em);
      await this.queues.addRetry(em, endpointId, { deliveryId, attempt: delivery.attempts + 1, isAskedFor: true });
      return delivery;
    });
  }

  private once(
    request: IdempotentRequest | null,
    work: (em: EntityManager) => Promise<WebhookDelivery>,
  ): Promise<Answer<WebhookDeliveryDto>> {
    const transaction = () =>
      this.em
        .fork()
        .transactional((em) =>
          this.idempotency.once(em, request, { status: 202, withoutSecret: withoutAnswer }, async () =>
            toWebhookDeliveryDto(await work(em)),
          ),
        );
    return this.retry.run(transaction, { recognisesItsOwnCommit: request !== null });
  }
}

/** What an endpoint said may quote a customer, and is kept in one place only, where an erasure finds it. */
function withoutAnswer(delivery: WebhookDeliveryDto): WebhookDeliveryDto {
  return Object.assign({}, delivery, { responseBody: null, error: null });
}
