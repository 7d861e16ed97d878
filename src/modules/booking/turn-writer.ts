import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { AuditLog } from '../../platform/audit/audit-log.js';
import { DOMAIN_EVENT_COLUMNS, DOMAIN_EVENT_RECORD, domainEventRows } from '../../platform/domain-events/outbox.js';
import type { Event } from '../events/index.js';
import type { Order, OrderTransition } from '../orders/index.js';
import { jsonOf } from './json.js';
import { isEmpty, type TurnWrites } from './turn-ledger.js';

/**
 * Writes a turn in one statement with bind parameters, however many commands it had (docs/decisions/one-statement-write.md).
 * Counters and the sequence are written as differences: should the lock ever fail to hold, the CHECK and UNIQUE constraints
 * see the true sum and refuse, where an absolute value would silently lose an update.
 */
export async function writeTurn(em: EntityManager, event: Event, writes: TurnWrites): Promise<void> {
  if (isEmpty(writes)) return;
  // Named once more beside the join: the plan is made once, maybe on empty tables, and must never read all orders of the event.
  const changedIds = [...writes.changedOrders].map(({ id }) => id);
  await sql`/* write-turn */
    with event_change as (
      update events set sequence = sequence + ${writes.transitions.length}, status = ${event.status},
                        has_orders_to_cancel = ${event.hasOrdersToCancel}, version = ${event.version}, updated_at = ${event.updatedAt}
       where id = ${event.id}
    ), count_changes as (
      update ticket_types t set held = t.held + c.held, sold = t.sold + c.sold
        from json_to_recordset(${json(countRows(writes))}::json) as c (id uuid, held integer, sold integer)
       where t.event_id = ${event.id} and t.id = c.id
    ), new_orders as (
      insert into orders (id, event_id, sequence, status, currency, total_amount, customer_email, customer_key, customer_subject, customer_name,
                          metadata, expires_at, confirmed_at, cancelled_at, cancel_reason, version, created_at, updated_at,
                          adjustments, adjustment_amount, extensions)
      select * from json_to_recordset(${json(writes.newOrders.map(orderRow))}::json) as o (
        id uuid, event_id uuid, sequence integer, status text, currency text, total_amount bigint, customer_email text,
        customer_key text, customer_subject text, customer_name text, metadata jsonb, expires_at timestamptz, confirmed_at timestamptz,
        cancelled_at timestamptz, cancel_reason text, version integer, created_at timestamptz, updated_at timestamptz,
        adjustments jsonb, adjustment_amount bigint, extensions jsonb)
    ), new_items as (
      insert into order_items (order_id, ticket_type_id, event_id, position, name, quantity, unit_price_amount)
      select * from json_to_recordset(${json(writes.newOrders.flatMap(itemRows))}::json) as i (
        order_id uuid, ticket_type_id uuid, event_id uuid, position smallint, name text, quantity integer,
        unit_price_amount bigint)
    ), changed_orders as (
      update orders o
         set status = c.status, total_amount = c.total_amount, expires_at = c.expires_at, confirmed_at = c.confirmed_at,
             payment_reference = c.payment_reference, cancelled_at = c.cancelled_at, cancel_reason = c.cancel_reason, version = c.version, updated_at = c.updated_at,
             adjustments = c.adjustments, adjustment_amount = c.adjustment_amount
        from json_to_recordset(${json([...writes.changedOrders].map(orderRow))}::json) as c (
        id uuid, status text, total_amount bigint, expires_at timestamptz, confirmed_at timestamptz,
        payment_reference text, cancelled_at timestamptz, cancel_reason text, version integer, updated_at timestamptz,
        adjustments jsonb, adjustment_amount bigint)
       where o.event_id = ${event.id} and o.id = c.id and o.id = any(${changedIds}::uuid[])
    ), new_history as (
      insert into order_history (event_id, sequence, order_id, from_status, step, to_status, at, actor, reason)
      select * from json_to_recordset(${json(writes.transitions.map(transitionRow))}::json) as h (
        event_id uuid, sequence integer, order_id uuid, from_status text, step text, to_status text, at timestamptz, actor text,
        reason text)
    ), new_domain_events as (
      insert into domain_events (${DOMAIN_EVENT_COLUMNS})
      select * from json_to_recordset(${domainEventRows(writes.domainEvents, ({ data }) => jsonOf(data))}::json) as e (${DOMAIN_EVENT_RECORD})
    )
    insert into idempotency_keys (caller, key, fingerprint, status, body, event_id, created_at)
    select r.caller, r.key, r.fingerprint, r.status, r.body, ${event.id}, ${writes.now}
      from json_to_recordset(${recordRows(writes.records)}::json) as r (
      caller text, key text, fingerprint text, status smallint, body text)
     order by r.caller, r.key
  `.execute(em.getKysely());
  await AuditLog.record(em, ...writes.auditedChanges);
  if (writes.itemQuantities.size > 0) await writeItemQuantities(em, event, [...writes.itemQuantities.values()]);
}

/** A second statement, for partial cancellations only. */
async function writeItemQuantities(em: EntityManager, event: Event, items: readonly ItemQuantity[]): Promise<void> {
  const rows = items.map(({ orderId, ticketTypeId, quantity }) => ({
    order_id: orderId,
    ticket_type_id: ticketTypeId,
    quantity,
  }));
  await sql`/* write-item-quantities */
    with changes as (
      select * from json_to_recordset(${json(rows)}::json) as c (order_id uuid, ticket_type_id uuid, quantity integer)
    ), gone as (
      delete from order_items i using changes c
       where c.quantity = 0 and i.event_id = ${event.id} and i.order_id = c.order_id and i.ticket_type_id = c.ticket_type_id
    )
    update order_items i set quantity = c.quantity from changes c
     where c.quantity > 0 and i.event_id = ${event.id} and i.order_id = c.order_id and i.ticket_type_id = c.ticket_type_id
  `.execute(em.getKysely());
}

type ItemQuantity = { orderId: string; ticketTypeId: string; quantity: number };

/** The bodies are JSON already and are put in as they are: as strings each of their quotes would be escaped, and parsed again. */
function recordRows(records: TurnWrites['records']): string {
  const rows = records.map(({ body, ...others }) => `${JSON.stringify(others).slice(0, -1)},"body":${body}}`);
  return `[${rows.join()}]`;
}

const json = (rows: readonly unknown[]) => JSON.stringify(rows);

function countRows(writes: TurnWrites) {
  return [...writes.counts].filter(([, { held, sold }]) => held !== 0 || sold !== 0).map(([id, change]) => ({ id, ...change }));
}

function orderRow(order: Order) {
  return {
    id: order.id,
    event_id: order.eventId,
    sequence: order.sequence,
    status: order.status,
    currency: order.currency,
    total_amount: order.totalAmount,
    customer_email: order.customerEmail,
    customer_key: order.customerKey,
    customer_subject: order.customerSubject,
    customer_name: order.customerName,
    metadata: order.metadata,
    expires_at: order.expiresAt,
    confirmed_at: order.confirmedAt,
    payment_reference: order.paymentReference,
    cancelled_at: order.cancelledAt,
    cancel_reason: order.cancelReason,
    version: order.version,
    created_at: order.createdAt,
    updated_at: order.updatedAt,
    adjustments: order.adjustments,
    adjustment_amount: order.adjustmentAmount,
    extensions: order.extensions,
  };
}

function itemRows(order: Order) {
  return order.items.map((item) => ({
    order_id: order.id,
    ticket_type_id: item.ticketTypeId,
    event_id: item.eventId,
    position: item.position,
    name: item.name,
    quantity: item.quantity,
    unit_price_amount: item.unitPriceAmount,
  }));
}

function transitionRow(transition: OrderTransition) {
  return {
    event_id: transition.eventId,
    sequence: transition.sequence,
    order_id: transition.orderId,
    from_status: transition.fromStatus,
    step: transition.step,
    to_status: transition.toStatus,
    at: transition.at,
    actor: transition.actor,
    reason: transition.reason,
  };
}
