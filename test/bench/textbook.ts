import type { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { bookingBody, confirmedOrder, emailOf, fingerprintOf, type Target } from './bookings.js';

/** One booking on a connection of its own. */
export type BookOnce = (client: Client, target: Target, buyer: number, key: string) => Promise<void>;

const CALLER = 'anonymous';

interface EventRow {
  status: string;
  currency: string;
  now: Date;
}
interface TicketTypeRow {
  id: string;
  name: string;
  price_amount: string;
  available: number;
}

/**
 * The floor called "textbook": lock, read, decide, write, commit, one statement after the other with bind parameters, as one
 * writes it by hand with node-postgres and its defaults (no named statements). It leaves the rows of a real booking.
 */
export const bookByTextbook: BookOnce = async (client, target, buyer, key) => {
  const { eventId, ticketTypeIds } = target;
  const body = bookingBody(target, buyer);
  const fingerprint = fingerprintOf(target, body);
  await client.query('begin');
  const { rows: events } = await client.query<EventRow>(
    `select status, currency, max_tickets_per_customer, date_trunc('milliseconds', clock_timestamp()) as now
       from events where id = $1 for update`,
    [eventId],
  );
  const event = events[0]!;
  const { rows: ticketTypes } = await client.query<TicketTypeRow>(
    `select id, name, price_amount, capacity - held - sold as available from ticket_types
      where event_id = $1 and id = any($2::uuid[])`,
    [eventId, ticketTypeIds],
  );
  const { rows: remembered } = await client.query(
    'select fingerprint, status, body from idempotency_keys where caller = $1 and key = $2',
    [CALLER, key],
  );
  const mayBook = event.status === 'published' && ticketTypes.every(({ available }) => available > 0) && remembered.length === 0;
  if (!mayBook) throw new Error('The floor found an event that it cannot book');
  await client.query('update ticket_types set sold = sold + 1 where event_id = $1 and id = any($2::uuid[])', [
    eventId,
    ticketTypeIds,
  ]);
  const { rows: numbered } = await client.query<{ sequence: number }>(
    'update events set sequence = sequence + 1 where id = $1 returning sequence',
    [eventId],
  );
  const order = { id: uuidv7(), sequence: numbered[0]!.sequence, email: emailOf(buyer), now: event.now };
  const answer = confirmedOrder(target, order);
  await client.query(
    `insert into orders (id, event_id, sequence, status, currency, total_amount, customer_email, customer_key, customer_name,
                         metadata, confirmed_at, version, created_at, updated_at)
     values ($1, $2, $3, 'confirmed', $4, $5, $6, $6, $7, $8, $9, 1, $9, $9)`,
    [
      ...[order.id, eventId, order.sequence, event.currency, answer.total.amount, order.email],
      ...[answer.customer.name, answer.metadata, order.now],
    ],
  );
  await client.query(
    `insert into order_items (order_id, ticket_type_id, event_id, position, name, quantity, unit_price_amount)
     select $1, i.id, $2, i.position - 1, i.name, 1, i.price_amount
       from unnest($3::uuid[], $4::text[], $5::bigint[]) with ordinality i (id, name, price_amount, position)`,
    [
      ...[order.id, eventId],
      ...[ticketTypes.map(({ id }) => id), ticketTypes.map(({ name }) => name), ticketTypes.map((type) => type.price_amount)],
    ],
  );
  await client.query(
    `insert into order_history (event_id, sequence, order_id, step, to_status, at, actor)
     values ($1, $2, $3, 'book', 'confirmed', $4, $5)`,
    [eventId, order.sequence, order.id, order.now, CALLER],
  );
  await client.query(
    `insert into idempotency_keys (caller, key, fingerprint, status, body, event_id, created_at)
     values ($1, $2, $3, 201, $4, $5, $6)`,
    [CALLER, key, fingerprint, JSON.stringify(answer), eventId, order.now],
  );
  await client.query(
    `insert into domain_events (id, type, schema_version, event_id, order_id, sequence, occurred_at, data)
     values ($1, 'order.confirmed', 1, $2, $3, $4, $5, $6)`,
    [uuidv7(), eventId, order.id, order.sequence, order.now, JSON.stringify(answer)],
  );
  await client.query('commit');
};
