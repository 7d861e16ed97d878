import type { EntityManager } from '@mikro-orm/postgresql';
import { ConsumesDomainEvents, type DomainEvent, type DomainEventConsumer, formatTime } from '../../extension.js';
import { DeliveryQueues, type NewDelivery } from './delivery-queues.js';
import { WebhookEndpoint } from './webhook-endpoint.entity.js';
import { WebhookEndpointDisabled } from './webhook-facts.js';

/** First attempts that may wait as jobs; further facts wait in the feed, where they cost nothing. */
const WAITING_MAX = 50_000;

/** Takes facts over and makes them deliveries, one for each endpoint that wants it. */
@ConsumesDomainEvents()
export class WebhookDispatcher implements DomainEventConsumer {
  readonly name = 'webhooks';
  readonly types = null;

  constructor(private readonly queues: DeliveryQueues) {}

  async readiness(em: EntityManager): Promise<'take' | 'wait' | 'skip'> {
    if ((await em.count(WebhookEndpoint, { enabled: true })) === 0) return 'skip';
    return (await this.queues.waiting(em, WAITING_MAX)) < WAITING_MAX ? 'take' : 'wait';
  }

  async take(em: EntityManager, events: readonly DomainEvent[]): Promise<void> {
    const endpoints = await em.find(WebhookEndpoint, { enabled: true }, { orderBy: { createdAt: 'asc' } });
    const deliveries = events.flatMap((event) => {
      const wanting = endpoints.filter((endpoint) => wants(endpoint, event));
      if (wanting.length === 0) return [];
      const body = bodyOf(event.type, event.occurredAt, event.data);
      return wanting.map((endpoint): NewDelivery => {
        const { id: messageId, type, eventId, orderId } = event;
        return { endpointId: endpoint.id, messageId, type, eventId, orderId, body };
      });
    });
    await this.queues.add(em, deliveries);
  }
}

/**
 * What happened before the endpoint was made or enabled is not sent to it, however late it is told. Where others receive is not
 * told to an endpoint that does not ask for it by name.
 */
function wants({ types, eventId, enabledAt }: WebhookEndpoint, event: DomainEvent): boolean {
  return (
    (types === null ? event.type !== WebhookEndpointDisabled.type : types.includes(event.type)) &&
    (eventId === null || eventId === event.eventId) &&
    event.occurredAt >= enabledAt
  );
}

/** As Standard Webhooks has it. */
export function bodyOf(type: string, time: Date, data: object): string {
  return JSON.stringify({ type, timestamp: formatTime(time), data });
}
