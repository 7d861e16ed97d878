import { v7 as uuidv7 } from 'uuid';
import { bookingBody, CURRENCY, emailOf, fingerprintOf } from './bookings.js';
import type { BookOnce } from './textbook.js';

/**
 * The floor called "function": the whole booking on the server, one call and one commit each. plpgsql prepares the statements
 * inside of it; the call itself is a named statement.
 */
export const BENCH_BOOK = `
create function bench_money(amount bigint) returns json language sql immutable as $$
  select format('{"amount":%s,"currency":"${CURRENCY}"}', amount)::json
$$;
create function bench_book(p_event uuid, p_types uuid[], p_order uuid, p_email text, p_name text, p_metadata json,
                           p_key text, p_fingerprint text, p_fact uuid) returns integer language plpgsql as $$
declare
  event events;
  wanted integer := cardinality(p_types);
  found_types integer;
  at timestamptz(3);
  total bigint;
  number integer;
  stamp text;
  answer_json json;
begin
  select * into event from events where id = p_event for update;
  at := date_trunc('milliseconds', clock_timestamp());
  stamp := to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
  perform from idempotency_keys where caller = 'anonymous' and key = p_key;
  if found or event.status <> 'published' then raise exception 'The floor found an event that it cannot book'; end if;
  select count(*), sum(price_amount) into found_types, total
    from ticket_types where event_id = p_event and id = any(p_types) and held + sold < capacity;
  if found_types <> wanted then raise exception 'The floor found an event that it cannot book'; end if;
  update ticket_types set sold = sold + 1 where event_id = p_event and id = any(p_types);
  update events set sequence = sequence + 1 where id = p_event returning sequence into number;
  insert into orders (id, event_id, sequence, status, currency, total_amount, customer_email, customer_key, customer_name,
                      metadata, confirmed_at, version, created_at, updated_at)
  values (p_order, p_event, number, 'confirmed', event.currency, total, p_email, p_email, p_name, p_metadata::jsonb, at, 1, at, at);
  insert into order_items (order_id, ticket_type_id, event_id, position, name, quantity, unit_price_amount)
  select p_order, t.id, p_event, w.position - 1, t.name, 1, t.price_amount
    from unnest(p_types) with ordinality w (id, position) join ticket_types t on t.event_id = p_event and t.id = w.id;
  insert into order_history (event_id, sequence, order_id, step, to_status, at, actor)
  values (p_event, number, p_order, 'book', 'confirmed', at, 'anonymous');
  select row_to_json(answer) into answer_json
    from (select p_order as id, p_event as "eventId", number as sequence, 'confirmed' as status,
                 (select json_agg(i order by i.position) from (
                    select ticket_type_id as "ticketTypeId", name, quantity, position, bench_money(unit_price_amount) as "unitPrice",
                           bench_money(unit_price_amount) as subtotal
                      from order_items where order_id = p_order and event_id = p_event) i) as items,
                 bench_money(total) as subtotal, '[]'::json as adjustments, bench_money(total) as total, format('{"email":%s,"name":%s}', to_json(p_email), to_json(p_name))::json as customer,
                 p_metadata as metadata, null as "expiresAt", stamp as "confirmedAt", null as "paymentReference",
                 null as "cancelledAt", null as "cancelReason", 1 as version, stamp as "createdAt", stamp as "updatedAt") answer;
  insert into idempotency_keys (caller, key, fingerprint, status, body, event_id, created_at)
  values ('anonymous', p_key, p_fingerprint, 201, answer_json::text, p_event, at);
  insert into domain_events (id, type, schema_version, event_id, order_id, sequence, occurred_at, data)
  values (p_fact, 'order.confirmed', 1, p_event, p_order, number, at, answer_json);
  return number;
end $$`;

export const bookByFunction: BookOnce = async (client, target, buyer, key) => {
  const body = bookingBody(target, buyer);
  await client.query({
    name: 'bench-book',
    text: 'select bench_book($1, $2, $3, $4, $5, $6, $7, $8, $9)',
    values: [
      ...[target.eventId, target.ticketTypeIds, uuidv7(), emailOf(buyer), 'Ada Lovelace', '{"channel":"web"}'],
      ...[key, fingerprintOf(target, body), uuidv7()],
    ],
  });
};
