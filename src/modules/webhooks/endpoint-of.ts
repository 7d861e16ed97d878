import type { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { WebhookEndpoint } from './webhook-endpoint.entity.js';
import { webhookEndpointNotFound } from './webhooks.errors.js';

/** @throws DomainError `webhook-endpoint-not-found` */
export async function endpointOf(em: EntityManager, id: string, options: { lockMode?: LockMode } = {}): Promise<WebhookEndpoint> {
  const endpoint = await em.findOne(WebhookEndpoint, { id }, options);
  if (!endpoint) throw webhookEndpointNotFound(id);
  return endpoint;
}
