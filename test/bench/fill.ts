import { CURRENCY, PRICE_AMOUNT, TICKET_TYPE_NAME } from './bookings.js';

/** Small enough that a run can be interrupted between two events. */
export const PAST_ORDERS_PER_EVENT = 20_000;

/** `$1`: a JSON list of `{ event_id, id }`, one per ticket type; `$2`: the capacity of each. */
export const INSERT_EVENTS = `
  with types as (
    select * from json_to_recordset($1::json) as t (event_id uuid, id uuid)
  ), new_events as (
    insert into events (id, name, starts_at, time_zone, currency, status, published_at, metadata, created_at, updated_at)
    select distinct event_id, 'Concert', now() + interval '30 days', 'Europe/Berlin', '${CURRENCY}', 'published', now(), '{}'::jsonb, now(), now()
      from types
  )
  insert into ticket_types (event_id, id, name, currency, price_amount, capacity, created_at, updated_at)
  select event_id, id, '${TICKET_TYPE_NAME}', '${CURRENCY}', ${PRICE_AMOUNT}, $2, now(), now() from types`;

/**
 * `$1`: the event, `$2`: how many orders, `$3`: the time in milliseconds that their ids begin with. One confirmed order of one
 * ticket each, with history and idempotency record, as if they had been booked through the API.
 */
export const INSERT_PAST_ORDERS = `
  with type as (
    update ticket_types set sold = $2::integer where event_id = $1 returning id
  ), numbered as (
    update events set sequence = $2::integer where id = $1
  ), booked as materialized (
    select n as sequence, date_trunc('milliseconds', now()) as at, 'buyer-' || n || '@example.com' as email,
           (lpad(to_hex($3::bigint - 600000 + n), 12, '0') || '7' || substr(random_hex, 1, 3) || '8' || substr(random_hex, 4, 15))::uuid as id
      from (select n, md5(random()::text) as random_hex from generate_series(1, $2::integer) n) series
  ), new_orders as (
    insert into orders (id, event_id, sequence, status, currency, total_amount, customer_email, customer_key, customer_name,
                        metadata, confirmed_at, created_at, updated_at)
    select id, $1, sequence, 'confirmed', '${CURRENCY}', ${PRICE_AMOUNT}, email, email, 'Ada Lovelace', '{"channel":"web"}', at, at, at
      from booked
  ), new_items as (
    insert into order_items (order_id, ticket_type_id, event_id, position, name, quantity, unit_price_amount)
    select b.id, t.id, $1, 0, '${TICKET_TYPE_NAME}', 1, ${PRICE_AMOUNT} from booked b, type t
  ), new_history as (
    insert into order_history (event_id, sequence, order_id, step, to_status, at, actor)
    select $1, sequence, id, 'book', 'confirmed', at, 'anonymous' from booked
  ), new_domain_events as (
    insert into domain_events (id, type, schema_version, event_id, order_id, sequence, occurred_at, data)
    select id, 'order.confirmed', 1, $1, id, sequence, at, json_build_object('id', id, 'eventId', $1::uuid, 'padding', repeat('x', 600))
      from booked
  )
  insert into idempotency_keys (caller, key, fingerprint, status, body, event_id, created_at)
  select 'anonymous', 'past-' || id, encode(sha256(id::text::bytea), 'hex'), 201,
         json_build_object('id', id, 'eventId', $1::uuid, 'sequence', sequence, 'customer', json_build_object('email', email),
                           'padding', repeat('x', 500))::text, $1, at
    from booked`;
