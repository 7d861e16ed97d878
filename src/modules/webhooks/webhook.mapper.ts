import { formatTime } from '../../extension.js';
import type { WebhookDelivery } from './webhook-delivery.entity.js';
import type { WebhookEndpoint } from './webhook-endpoint.entity.js';
import type { WebhookDeliveryDto, WebhookEndpointDto } from './webhooks.dto.js';

export function toWebhookEndpointDto(row: WebhookEndpoint): WebhookEndpointDto {
  return {
    id: row.id,
    url: row.url,
    types: row.types,
    eventId: row.eventId,
    description: row.description,
    enabled: row.enabled,
    disabledReason: row.disabledReason,
    failingSince: formatTime(row.failingSince),
    previousSecretEndsAt: formatTime(row.previousSecretEndsAt),
    version: row.version,
    createdAt: formatTime(row.createdAt),
    updatedAt: formatTime(row.updatedAt),
  };
}

export function toWebhookDeliveryDto(row: WebhookDelivery): WebhookDeliveryDto {
  return {
    id: row.id,
    webhookEndpointId: row.webhookEndpointId,
    messageId: row.messageId,
    type: row.type,
    eventId: row.eventId,
    orderId: row.orderId,
    status: row.status,
    attempts: row.attempts,
    nextAttemptAt: formatTime(row.nextAttemptAt),
    lastAttemptAt: formatTime(row.lastAttemptAt),
    latencyMs: row.latencyMs,
    responseStatus: row.responseStatus,
    responseBody: row.responseBody,
    error: row.error,
    createdAt: formatTime(row.createdAt),
  };
}
