import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { DATABASE_NOW } from '../../platform/database/clock.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import type { IdempotencyRecord } from '../../platform/idempotency/idempotency-record.entity.js';
import { type Event, type TicketType, ticketTypesOf } from '../events/index.js';
import { customerKeyOf, LIVE_STATUSES, Order } from '../orders/index.js';
import type { BookCommand, InventoryCommand } from './commands.js';

export type Remembered = Pick<IdempotencyRecord, 'fingerprint' | 'status' | 'body'>;

/** All that the commands of a turn are decided on, as it is under the lock. */
export interface LoadedTurn {
  now: Date;
  ticketTypes: ReadonlyMap<string, TicketType>;
  /** Answers that are remembered, by {@link keyOf}. */
  remembered: ReadonlyMap<string, Remembered>;
  /** Orders that the commands name, and those of `ordersToCancel`. */
  orders: ReadonlyMap<string, Order>;
  /** Ids of the oldest live orders, for the cancellation of an event. */
  ordersToCancel: readonly string[];
  /** Tickets in live orders, by customer; only where the event limits them. */
  ticketsOfCustomer: ReadonlyMap<string, number>;
}

export function keyOf(request: Pick<IdempotentRequest, 'caller' | 'key'>): string {
  return `${request.caller}\n${request.key}`;
}

/** Reads what the commands need, in a fixed number of statements however many they are. */
export async function loadTurn(em: EntityManager, event: Event, commands: readonly InventoryCommand[]): Promise<LoadedTurn> {
  const { now, remembered } = await loadRemembered(em, commands);
  const ticketTypes = await ticketTypesOf(em, [event.id]);
  const { orders, ordersToCancel } = await loadOrders(em, event.id, commands);
  const ticketsOfCustomer = event.maxTicketsPerCustomer === null ? new Map() : await loadCustomers(em, event.id, commands);
  return {
    now,
    remembered,
    ticketTypes: new Map(ticketTypes.map((ticketType) => [ticketType.id, ticketType])),
    orders,
    ordersToCancel,
    ticketsOfCustomer,
  };
}

/** One statement for the clock and the keys. */
async function loadRemembered(em: EntityManager, commands: readonly InventoryCommand[]) {
  const requests = commands.flatMap(({ request }) => request ?? []);
  const callers = requests.map(({ caller }) => caller);
  const keys = requests.map(({ key }) => key);
  const { rows } = await sql<{
    now: string;
    caller: string;
    key: string | null;
    fingerprint: string;
    status: number;
    body: string;
  }>`
    select ${sql.raw(DATABASE_NOW)} as now, k.caller, k.key, k.fingerprint, k.status, k.body
      from (select 1) one
      left join unnest(${callers}::text[], ${keys}::text[]) wanted (caller, key) on true
      left join idempotency_keys k on k.caller = wanted.caller and k.key = wanted.key
  `.execute(em.getKysely());
  const found = rows.flatMap((row) => (row.key === null ? [] : [{ ...row, key: row.key }]));
  return { now: new Date(rows[0]!.now), remembered: new Map(found.map((row) => [keyOf(row), row])) };
}

async function loadOrders(em: EntityManager, eventId: string, commands: readonly InventoryCommand[]) {
  const options = { populate: ['items'], strategy: 'select-in', disableIdentityMap: true } as const;
  const ids = commands.flatMap((command) => (command.kind === 'cancel-order' ? command.orderId : []));
  const named = ids.length === 0 ? [] : await em.find(Order, { eventId, id: { $in: ids } }, options);
  const limit = Math.max(0, ...commands.map((command) => (command.kind === 'cancel-orders-of-event' ? command.limit : 0)));
  const live =
    limit === 0
      ? []
      : await em.find(Order, { eventId, status: { $in: LIVE_STATUSES } }, { ...options, orderBy: { sequence: 'asc' }, limit });
  return {
    orders: new Map([...live, ...named].map((order) => [order.id, order])),
    ordersToCancel: live.map((order) => order.id),
  };
}

async function loadCustomers(em: EntityManager, eventId: string, commands: readonly InventoryCommand[]) {
  const customers = commands
    .filter((command): command is BookCommand => command.kind === 'book')
    .map((command) => customerKeyOf(command.customer.email));
  if (customers.length === 0) return new Map<string, number>();
  const { rows } = await sql<{ customer_key: string; tickets: number }>`
    select o.customer_key, sum(i.quantity)::integer as tickets
      from orders o join order_items i on i.order_id = o.id and i.event_id = o.event_id
     where o.event_id = ${eventId} and o.customer_key = any(${customers}::text[]) and o.status = any(${LIVE_STATUSES}::text[])
     group by o.customer_key
  `.execute(em.getKysely());
  return new Map(rows.map((row) => [row.customer_key, row.tickets]));
}
