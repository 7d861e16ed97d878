import type { TestDatabase } from '../database.js';
import type { Items } from './calls.js';

export interface StoredLine {
  sequence: number;
  orderId: string;
  step: string;
  from: string | null;
  to: string;
  /** As all times of rows: milliseconds since 1970 by the clock of the database. */
  at: number;
}

export interface StoredOrder {
  id: string;
  sequence: number;
  status: string;
  version: number;
  total: number;
  /** Of the call that booked it; the caller puts its key into the metadata, so the app's own record of keys is not trusted. */
  key: string | null;
  items: Items;
  expiresAt: number | null;
  /** Somebody other than the app has let the hold end before its time, in this version. */
  ended: { version: number; at: number } | null;
}

export interface StoredTicketType {
  id: string;
  price: number;
  capacity: number;
  held: number;
  sold: number;
}

/** What the database holds of one event in the end. */
export interface StoredEvent {
  id: string;
  sequence: number;
  ticketTypes: StoredTicketType[];
  orders: StoredOrder[];
  lines: StoredLine[];
}

/** Reads the rows of the event, as of one moment: apps go on to write what has expired. */
export async function readStored(database: TestDatabase, eventId: string): Promise<StoredEvent> {
  await database.sql('begin isolation level repeatable read');
  try {
    return await readRows(database, eventId);
  } finally {
    await database.sql('commit');
  }
}

async function readRows(database: TestDatabase, eventId: string): Promise<StoredEvent> {
  const [event] = await database.sql<{ sequence: number }>('select sequence from events where id = $1', [eventId]);
  if (!event) throw new Error(`There is no event ${eventId}`);
  const ticketTypes = await database.sql<StoredTicketType>(
    `select id, price_amount::float8 as price, capacity, held, sold from ticket_types where event_id = $1`,
    [eventId],
  );
  const orders = await database.sql<StoredOrder>(
    `select o.id, o.sequence, o.status, o.version, o.total_amount::float8 as total, o.metadata ->> 'key' as key,
            (extract(epoch from o.expires_at) * 1000)::float8 as "expiresAt",
            case when o.metadata ? 'endedAt' then
              json_build_object('version', (o.metadata ->> 'endedInVersion')::integer, 'at', (o.metadata ->> 'endedAt')::float8)
            end as ended,
            coalesce(json_agg(json_build_object('ticketTypeId', i.ticket_type_id, 'quantity', i.quantity))
                     filter (where i.order_id is not null), '[]') as items
       from orders o left join order_items i on i.event_id = o.event_id and i.order_id = o.id
      where o.event_id = $1
      group by o.id, o.event_id`,
    [eventId],
  );
  const lines = await database.sql<StoredLine>(
    `select sequence, order_id as "orderId", step, from_status as "from", to_status as "to",
            (extract(epoch from at) * 1000)::float8 as at
       from order_history where event_id = $1 order by sequence`,
    [eventId],
  );
  return { id: eventId, sequence: event.sequence, ticketTypes, orders, lines };
}
