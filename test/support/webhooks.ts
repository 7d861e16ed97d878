import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { ApiClient } from './client.js';
import type { TestDatabase } from './database.js';

/** A disabled endpoint, and a delivery to it that came to nothing, as no host has such a name. */
export async function webhookTried(
  database: TestDatabase,
  admin: ApiClient,
): Promise<{ webhookEndpointId: string; deliveryId: string }> {
  const endpoint = await admin.post('/v1/webhook-endpoints', { url: 'https://hooks.invalid/', enabled: false });
  if (endpoint.status !== 201) throw new Error(`No webhook endpoint: ${JSON.stringify(endpoint.body)}`);
  const [webhookEndpointId, deliveryId] = [endpoint.body.id as string, uuidv7()];
  await database.sql(
    `insert into webhook_deliveries
            (id, webhook_endpoint_id, message_id, type, body, status, attempts, last_attempt_at, latency_ms, error, created_at)
     values ($1, $2, gen_random_uuid(), 'event.published', '{}', 'failed', 1, now(), 7, 'There is no such host.', now())`,
    [deliveryId, webhookEndpointId],
  );
  return { webhookEndpointId, deliveryId };
}

/** Has the API answer in all the ways in which it can about webhooks. */
export async function provokeWebhookAnswers(database: TestDatabase, admin: ApiClient): Promise<void> {
  const { webhookEndpointId, deliveryId } = await webhookTried(database, admin);
  const path = `/v1/webhook-endpoints/${webhookEndpointId}`;
  await admin.get(path, { 'if-none-match': '*' });
  const key = { 'idempotency-key': randomUUID() };
  for (let count = 0; count < 2; count++) await admin.post(`${path}/rotate-secret`, undefined, key);
  await admin.post(`${path}/deliveries/${deliveryId}/redeliver`);
  await admin.post(`${path}/deliveries/${randomUUID()}/redeliver`);
  await admin.get(`/v1/webhook-endpoints/${randomUUID()}`);
}
