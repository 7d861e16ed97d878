import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import type { NewDomainEvent } from './domain-event.js';

/** SQL for the list of columns that {@link domainEventRows} fills. */
export const DOMAIN_EVENT_COLUMNS = sql.raw('id, type, schema_version, event_id, order_id, sequence, occurred_at, data');
/** SQL for the same columns as a record set of JSON. */
export const DOMAIN_EVENT_RECORD = sql.raw(
  'id uuid, type text, schema_version smallint, event_id uuid, order_id uuid, sequence integer, occurred_at timestamptz, data json',
);

/**
 * The facts as one JSON list, in their order.
 * @param dataOf JSON of the data, for who has it already
 */
export function domainEventRows(
  events: readonly NewDomainEvent[],
  dataOf: (event: NewDomainEvent) => string = ({ data }) => JSON.stringify(data),
): string {
  const rows = events.map((event) => {
    const row = {
      id: uuidv7(),
      type: event.type.type,
      schema_version: event.type.version,
      event_id: event.eventId,
      order_id: event.order?.id ?? null,
      sequence: event.order?.sequence ?? null,
      occurred_at: event.occurredAt,
    };
    // The data is JSON already, and is put in as it is.
    return `${JSON.stringify(row).slice(0, -1)},"data":${dataOf(event)}}`;
  });
  return `[${rows.join()}]`;
}

/**
 * Writes facts in the transaction of `em`, in one statement: they are told when it commits, and never if it does not.
 * What is flushed later in the same transaction commits with them all the same.
 */
export async function recordDomainEvents(em: EntityManager, events: readonly NewDomainEvent[]): Promise<void> {
  if (events.length === 0) return;
  await sql`/* record-domain-events */
    insert into domain_events (${DOMAIN_EVENT_COLUMNS})
    select * from json_to_recordset(${domainEventRows(events)}::json) as e (${DOMAIN_EVENT_RECORD})
  `.execute(em.getKysely());
}
