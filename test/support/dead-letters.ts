import { randomUUID } from 'node:crypto';
import type { TestDatabase } from './database.js';

/** Makes the newest fact a dead letter of a subscriber that there is not, straight in the database. @returns its id */
export async function insertDeadLetter(database: TestDatabase): Promise<string> {
  const id = randomUUID();
  await database.sql(`select pgboss.create_queue('on.nobody', '{"policy": "standard"}')`);
  await database.sql(
    `insert into pgboss.job (id, name, policy, state, data, output, retry_count, retry_limit, completed_on)
     select $1, 'on.nobody', 'standard', 'failed',
            jsonb_build_object('id', id, 'type', type, 'version', schema_version, 'eventId', event_id, 'orderId', order_id,
                               'sequence', sequence, 'occurredAt', to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                               'data', data),
            '{"message": "no"}', 12, 12, now()
       from domain_events order by transaction_id desc, position desc limit 1`,
    [id],
  );
  return id;
}
