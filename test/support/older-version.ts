import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';

/**
 * One booking as the version wrote it that was there when the rules of docs/migrations.md came: its columns, its tables, its
 * lock. It stands for the instances of an older version that still run while a migration does, so it is not to be brought up
 * to date: a migration that it cannot live with needs another step before.
 */
export async function bookAsOlderVersion(client: Client, eventId: string, ticketTypeId: string): Promise<void> {
  const orderId = uuidv7();
  await client.query('begin');
  await client.query('select status, currency, max_tickets_per_customer from events where id = $1 for update', [eventId]);
  await client.query('update ticket_types set sold = sold + 1 where event_id = $1 and id = $2', [eventId, ticketTypeId]);
  const { rows } = await client.query<{ sequence: number; currency: string; now: Date }>(
    `update events set sequence = sequence + 1 where id = $1
     returning sequence, currency, date_trunc('milliseconds', clock_timestamp()) as now`,
    [eventId],
  );
  const { sequence, currency, now } = rows[0]!;
  await client.query(
    `insert into orders (id, event_id, sequence, status, currency, total_amount, customer_email, customer_key, customer_subject,
                         customer_name, metadata, expires_at, confirmed_at, cancelled_at, cancel_reason, version, created_at, updated_at)
     values ($1, $2, $3, 'confirmed', $4, 4500, 'ada@example.com', 'ada@example.com', null, 'Ada', '{}', null, $5, null, null, 1, $5, $5)`,
    [orderId, eventId, sequence, currency, now],
  );
  await client.query(
    `insert into order_items (order_id, ticket_type_id, event_id, position, name, quantity, unit_price_amount)
     values ($1, $2, $3, 0, 'Standard', 1, 4500)`,
    [orderId, ticketTypeId, eventId],
  );
  await client.query(
    `insert into order_history (event_id, sequence, order_id, from_status, step, to_status, at, actor, reason)
     values ($1, $2, $3, null, 'book', 'confirmed', $4, 'older-version', null)`,
    [eventId, sequence, orderId, now],
  );
  await client.query(
    `insert into idempotency_keys (caller, key, fingerprint, status, body, event_id, created_at)
     values ('older-version', $1, $2, 201, $3, $4, $5)`,
    [randomUUID(), '0'.repeat(64), JSON.stringify({ id: orderId, sequence }), eventId, now],
  );
  await client.query('commit');
}
