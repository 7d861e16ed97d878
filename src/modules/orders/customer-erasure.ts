import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { DATABASE_NOW } from '../../platform/database/clock.js';
import { BATCH } from '../../platform/personal-data/in-batches.js';
import type { OrdersOfEvent } from '../../platform/personal-data/personal-data-holders.js';
import { lockEvent } from '../events/index.js';
import { customerKeyOf } from './customer.js';
import type { Pseudonym } from './pseudonym.js';

/** Somebody, by one of the two things that orders know a customer by. */
export type Person = { email: string } | { subject: string };

/** SQL for the orders of a person: all that were booked with the address, or all that they booked for themselves. */
export function isOf(person: Person) {
  return 'email' in person
    ? sql<boolean>`customer_key = ${customerKeyOf(person.email)}`
    : sql<boolean>`customer_subject = ${person.subject}`;
}

/** An event of which the person had an order at that time; null: there is none (any more). */
export async function eventWithOrdersOf(em: EntityManager, person: Person, at: Date): Promise<string | null> {
  const { rows } = await sql<{ event_id: string }>`
    select event_id from orders where ${isOf(person)} and created_at <= ${at} limit 1
  `.execute(em.getKysely());
  return rows[0]?.event_id ?? null;
}

/**
 * Replaces the customer in a batch of the person's orders of one event and in their histories, and what was written freely
 * there; prices, quantities, states, times and payment references stay. Under the lock of the event, as every change of an
 * order: a booking or a step under way has either committed, with what is replaced here, or finds the pseudonym.
 */
export async function eraseCustomerInBatch(
  em: EntityManager,
  eventId: string,
  person: Person,
  at: Date,
  pseudonym: Pseudonym,
): Promise<OrdersOfEvent> {
  await lockEvent(em, eventId);
  const { rows } = await sql<{ id: string; customer_subject: string | null }>`
    select id, customer_subject from orders
     where event_id = ${eventId} and ${isOf(person)} and created_at <= ${at} order by id limit ${BATCH}
  `.execute(em.getKysely());
  const orderIds = rows.map(({ id }) => id);
  if (orderIds.length === 0) return { eventId, orderIds };
  const subjects = rows.flatMap(({ customer_subject: subject }) =>
    subject === null ? [] : [[subject, pseudonym.subjectOf(subject)]],
  );
  await sql`
    update orders
       set customer_email = ${pseudonym.email}, customer_key = ${pseudonym.email}, customer_name = null,
           customer_subject = ${JSON.stringify(Object.fromEntries(subjects))}::jsonb ->> customer_subject, metadata = '{}',
           cancel_reason = ${erasedReasonOf('cancel_reason')}, version = version + 1,
           updated_at = greatest(updated_at, ${sql.raw(DATABASE_NOW)})
     where event_id = ${eventId} and id = any(${orderIds}::uuid[])
  `.execute(em.getKysely());
  await sql`
    update order_history
       set actor = coalesce(${JSON.stringify(Object.fromEntries(pseudonym.actors))}::jsonb ->> actor, actor),
           reason = ${erasedReasonOf('reason')}
     where event_id = ${eventId} and order_id = any(${orderIds}::uuid[])
  `.execute(em.getKysely());
  return { eventId, orderIds };
}

/** See `erasedReason`. */
function erasedReasonOf(column: 'cancel_reason' | 'reason') {
  return sql.raw(`case when ${column} <> 'event-cancelled' then 'erased' else ${column} end`);
}

/** The orders that stand under the pseudonym. */
export async function ordersUnder(em: EntityManager, pseudonym: Pseudonym): Promise<OrdersOfEvent[]> {
  const { rows } = await sql<{ event_id: string; ids: string[] }>`
    select event_id, json_agg(id) as ids from orders where customer_key = ${pseudonym.email} group by event_id
  `.execute(em.getKysely());
  return rows.map(({ event_id: eventId, ids: orderIds }) => ({ eventId, orderIds }));
}
