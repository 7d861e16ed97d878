import { defineProblem, DomainError } from '../../extension.js';

export const WEBHOOK_ENDPOINT_NOT_FOUND = defineProblem({
  code: 'webhook-endpoint-not-found',
  kind: 'not-found',
  title: 'There is no such webhook endpoint',
  example: { detail: 'There is no webhook endpoint 019a0000-0000-7000-8000-0000000000ff.' },
});

export const WEBHOOK_DELIVERY_NOT_FOUND = defineProblem({
  code: 'webhook-delivery-not-found',
  kind: 'not-found',
  title: 'There is no such delivery to this webhook endpoint',
  example: { detail: 'There is no delivery 019a0000-0000-7000-8000-0000000000ff to this webhook endpoint.' },
});

export const WEBHOOKS_NOT_CONFIGURED = defineProblem({
  code: 'webhooks-not-configured',
  kind: 'unavailable',
  title: 'The server has no key for the secrets of webhooks',
  example: { detail: 'Set WEBHOOK_SECRET_KEY: without it no secret can be stored.' },
});

export const webhookEndpointNotFound = (id: string) =>
  new DomainError(WEBHOOK_ENDPOINT_NOT_FOUND, `There is no webhook endpoint ${id}.`);

export const webhookDeliveryNotFound = (id: string) =>
  new DomainError(WEBHOOK_DELIVERY_NOT_FOUND, `There is no delivery ${id} to this webhook endpoint.`);
