import { defineDomainEvent } from '../../extension.js';
import type { WebhookEndpointDto } from './webhooks.dto.js';

export const WebhookEndpointDisabled = defineDomainEvent<WebhookEndpointDto>({
  type: 'webhook-endpoint.disabled',
  version: 1,
  schema: 'WebhookEndpoint',
  // As the endpoint itself.
  restricted: { scope: 'admin' },
  description: 'A webhook endpoint was disabled by itself: it answered 410, or failed for days.',
});

/** What `POST …/test` sends. It is no fact: nothing happened. */
export const TEST_TYPE = 'webhook-endpoint.test';
