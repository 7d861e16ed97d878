import { v7 as uuidv7 } from 'uuid';
import type { TestDatabase } from './database.js';

const BATCH = 5_000;

/** Writes `count` confirmed orders of one ticket each straight into the database, as if they had been booked. @returns their ids */
export async function insertOrders(
  database: TestDatabase,
  eventId: string,
  ticketTypeId: string,
  count: number,
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidv7());
  // No long transaction: it would hold up the change feed of every database of the server.
  for (let from = 0; from < count; from += BATCH)
    await insertBatch(database, eventId, ticketTypeId, ids.slice(from, from + BATCH));
  return ids;
}

async function insertBatch(database: TestDatabase, eventId: string, ticketTypeId: string, ids: readonly string[]): Promise<void> {
  await database.sql(
    `with wanted as (
       select w.id, e.sequence + w.number::integer as sequence, t.name, t.price_amount, e.currency, date_trunc('milliseconds', now()) as now
         from events e join ticket_types t on t.event_id = e.id and t.id = $2, unnest($3::uuid[]) with ordinality as w (id, number)
        where e.id = $1
     ), counted as (
       update ticket_types set sold = sold + cardinality($3::uuid[]) where event_id = $1 and id = $2
     ), numbered as (
       update events set sequence = sequence + cardinality($3::uuid[]) where id = $1
     ), booked as (
       insert into orders (id, event_id, sequence, status, currency, total_amount, customer_email, customer_key, metadata, confirmed_at, created_at, updated_at)
       select id, $1, sequence, 'confirmed', currency, price_amount, 'ada@example.com', 'ada@example.com', '{}', now, now, now from wanted
     ), itemised as (
       insert into order_items (order_id, ticket_type_id, event_id, position, name, quantity, unit_price_amount)
       select id, $2, $1, 0, name, 1, price_amount from wanted
     )
     insert into order_history (event_id, sequence, order_id, from_status, step, to_status, at, actor)
     select $1, sequence, id, null, 'book', 'confirmed', now, 'tester' from wanted`,
    [eventId, ticketTypeId, ids],
  );
  await addFacts(database, ids);
}

/** Writes the facts of lines of history that were written without. */
async function addFacts(database: TestDatabase, orderIds: readonly string[]): Promise<void> {
  await database.sql(
    `insert into domain_events (id, type, schema_version, event_id, order_id, sequence, occurred_at, data)
     select gen_random_uuid(), 'order.confirmed', 1, h.event_id, h.order_id, h.sequence, h.at, json_build_object('id', h.order_id)
       from order_history h left join domain_events e on e.order_id = h.order_id and e.sequence = h.sequence
      where h.order_id = any($1::uuid[]) and e.id is null`,
    [orderIds],
  );
}

/** Turns a confirmed order into a held one, as if it had been booked with a hold. */
export async function makeHeld(database: TestDatabase, orderId: string): Promise<void> {
  await database.sql(
    `with held as (
       update orders set status = 'held', confirmed_at = null, expires_at = now() + interval '1 hour' where id = $1
     ), line as (
       update order_history set step = 'hold', to_status = 'held' where order_id = $1
     )
     update ticket_types t set held = t.held + i.quantity, sold = t.sold - i.quantity
       from order_items i where i.order_id = $1 and t.event_id = i.event_id and t.id = i.ticket_type_id`,
    [orderId],
  );
}

/** Lets a held order expire, as the background job would. */
export async function makeExpired(database: TestDatabase, orderId: string): Promise<void> {
  await database.sql(
    `with expired as (
       update orders set status = 'expired' where id = $1 returning event_id
     ), numbered as (
       update events e set sequence = sequence + 1 from expired where e.id = expired.event_id returning e.id, e.sequence
     ), line as (
       insert into order_history (event_id, sequence, order_id, from_status, step, to_status, at, actor)
       select id, sequence, $1, 'held', 'expire', 'expired', now(), 'system' from numbered
     )
     update ticket_types t set held = t.held - i.quantity
       from order_items i where i.order_id = $1 and t.event_id = i.event_id and t.id = i.ticket_type_id`,
    [orderId],
  );
  await addFacts(database, [orderId]);
}

/** Lets a hold end at this moment, by the clock of the database; nothing stores its expiry. */
export async function makeOverdue(database: TestDatabase, ...orderIds: string[]): Promise<void> {
  const ended = await database.sql(
    `update orders set expires_at = date_trunc('milliseconds', clock_timestamp()) where id = any($1::uuid[]) and status = 'held' returning id`,
    [orderIds],
  );
  if (ended.length !== orderIds.length) throw new Error(`${ended.length} of ${orderIds.length} orders are held`);
}

/** Writes `count` holds of one ticket each, all past their end, as if they had been booked. @returns their ids */
export async function insertOverdueHolds(
  database: TestDatabase,
  eventId: string,
  ticketTypeId: string,
  count: number,
): Promise<string[]> {
  const ids = await insertHolds(database, eventId, ticketTypeId, count);
  await database.sql('update orders set expires_at = created_at where id = any($1::uuid[])', [ids]);
  return ids;
}

/** Writes `count` holds of one ticket each, as if they had been booked. @returns their ids */
export async function insertHolds(
  database: TestDatabase,
  eventId: string,
  ticketTypeId: string,
  count: number,
): Promise<string[]> {
  const ids = await insertOrders(database, eventId, ticketTypeId, count);
  await database.sql(
    `with held as (
       update orders set status = 'held', confirmed_at = null, expires_at = created_at + interval '1 hour' where id = any($1::uuid[])
     ), lines as (
       update order_history set step = 'hold', to_status = 'held' where order_id = any($1::uuid[])
     )
     update ticket_types set held = held + $2::integer, sold = sold - $2::integer where id = $3`,
    [ids, count, ticketTypeId],
  );
  return ids;
}
