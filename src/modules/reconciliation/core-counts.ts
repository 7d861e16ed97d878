import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { MAX_AMOUNT } from '../../platform/http/money.js';
import type { CountDrift, KeptCounts } from '../../platform/kept-counts/kept-counts.js';

const TICKET_TYPES: KeptCounts = {
  kind: 'ticket-type',
  find: findOfTicketTypes,
  repair: async (em, eventId, { targetId, counted }) => {
    await sql`
      update ticket_types set held = ${counted['held']}, sold = ${counted['sold']}
       where event_id = ${eventId} and id = ${targetId}
    `.execute(em.getKysely());
  },
};

const EVENT: KeptCounts = {
  kind: 'event',
  find: findOfEvent,
  repair: async (em, eventId, { counted }) => {
    await sql`update events set sequence = ${counted['sequence']} where id = ${eventId}`.execute(em.getKysely());
  },
};

const ORDERS: KeptCounts = {
  kind: 'order',
  find: findOfOrders,
  repair: async (em, eventId, { targetId, counted }) => {
    await sql`
      update orders set total_amount = ${counted['total']}, version = version + 1,
             updated_at = greatest(updated_at, date_trunc('milliseconds', clock_timestamp()))
       where id = ${targetId} and event_id = ${eventId}
    `.execute(em.getKysely());
  },
};

export const COUNTS_OF_THE_CORE: readonly KeptCounts[] = [TICKET_TYPES, EVENT, ORDERS];

async function findOfTicketTypes(em: EntityManager, eventId: string, limit: number): Promise<CountDrift[]> {
  type Row = { id: string; name: string; capacity: number } & Record<'held' | 'sold' | 'counted_held' | 'counted_sold', number>;
  const { rows } = await sql<Row>`/* reconcile-ticket-types */
    select * from (
      select t.id, t.name, t.capacity, t.held, t.sold,
             coalesce(sum(i.quantity) filter (where o.status = 'held'), 0)::integer as counted_held,
             coalesce(sum(i.quantity) filter (where o.status = 'confirmed'), 0)::integer as counted_sold
        from ticket_types t
        left join order_items i on i.event_id = t.event_id and i.ticket_type_id = t.id
        left join orders o on o.event_id = i.event_id and o.id = i.order_id
       where t.event_id = ${eventId}
       group by t.event_id, t.id
    ) counted
    where held <> counted_held or sold <> counted_sold
    order by counted_held + counted_sold > capacity, id limit ${limit}
  `.execute(em.getKysely());
  return rows.map((row) => ({
    targetId: row.id,
    name: row.name,
    stored: { held: row.held, sold: row.sold },
    counted: { held: row.counted_held, sold: row.counted_sold },
    obstacle: row.counted_held + row.counted_sold > row.capacity ? `the capacity of ${row.capacity} is less than that` : null,
  }));
}

/** Lines of history that are lost do not give their numbers back: orders have them, and each is given once. */
async function findOfEvent(em: EntityManager, eventId: string): Promise<CountDrift[]> {
  type Row = { name: string } & Record<'sequence' | 'counted' | 'lines', number>;
  const { rows } = await sql<Row>`/* reconcile-sequence */
    select * from (
      select e.name, e.sequence, h.lines, greatest(h.last, o.last) as counted
        from events e,
             lateral (select count(*)::integer as lines, coalesce(max(sequence), 0) as last from order_history where event_id = e.id) h,
             lateral (select coalesce(max(sequence), 0) as last from orders where event_id = e.id) o
       where e.id = ${eventId}
    ) counted
    where sequence <> counted or lines <> counted
  `.execute(em.getKysely());
  return rows.flatMap(({ name, sequence, counted, lines }) => {
    const event = { targetId: eventId, name };
    const ofNumber: CountDrift = { ...event, stored: { sequence }, counted: { sequence: counted }, obstacle: null };
    const ofLines: CountDrift = {
      ...event,
      stored: { historyLines: lines },
      counted: { historyLines: counted },
      obstacle: 'lines of the history are lost',
    };
    return [...(sequence === counted ? [] : [ofNumber]), ...(lines === counted ? [] : [ofLines])];
  });
}

async function findOfOrders(em: EntityManager, eventId: string, limit: number): Promise<CountDrift[]> {
  type Row = { id: string } & Record<'sequence' | 'total' | 'items' | 'counted', number>;
  const { rows } = await sql<Row>`/* reconcile-orders */
    select *, (items + adjustment_amount)::float8 as counted from (
      select o.id, o.sequence, o.total_amount::float8 as total, o.adjustment_amount,
             coalesce(sum(i.quantity * i.unit_price_amount), 0)::float8 as items
        from orders o left join order_items i on i.order_id = o.id and i.event_id = o.event_id
       where o.event_id = ${eventId}
       group by o.id, o.event_id
    ) counted
    where total <> items + adjustment_amount
    order by items + adjustment_amount < 0 or greatest(items, items + adjustment_amount) > ${MAX_AMOUNT}, id
    limit ${limit}
  `.execute(em.getKysely());
  return rows.map(({ id, sequence, total, items, counted }) => ({
    targetId: id,
    name: `number ${sequence}`,
    stored: { total },
    counted: { total: counted },
    obstacle: obstacleOf(items, counted),
  }));
}

/** What the CHECK constraints of an order would refuse. */
function obstacleOf(items: number, total: number): string | null {
  if (total < 0) return 'no total can be less than 0';
  return Math.max(items, total) > MAX_AMOUNT ? 'no total can be as large as that' : null;
}
