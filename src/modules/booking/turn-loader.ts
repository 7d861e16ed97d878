import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { DATABASE_NOW } from '../../platform/database/clock.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import type { IdempotencyRecord } from '../../platform/idempotency/idempotency-record.entity.js';
import { type Event, type TicketType, ticketTypesOf } from '../events/index.js';
import { customerKeyOf, LIVE_STATUSES, Order } from '../orders/index.js';
import type { InventoryCommand } from './commands.js';

/** How many holds past their end are taken back by one statement, and so in one step. */
const OVERDUE_BATCH = 500;

const WITH_ITEMS = { populate: ['items'], strategy: 'select-in', disableIdentityMap: true } as const;

export type Remembered = Pick<IdempotencyRecord, 'fingerprint' | 'status' | 'body'>;

/** All that the commands of a turn are decided on, as it is under the lock. */
export interface LoadedTurn {
  now: Date;
  ticketTypes: ReadonlyMap<string, TicketType>;
  /** Answers that are remembered, by {@link keyOf}. */
  remembered: ReadonlyMap<string, Remembered>;
  /** Orders that the commands name, and those of `overdueHolds` and `ordersToCancel`. */
  orders: ReadonlyMap<string, Order>;
  /** Ids of holds past their end that must be taken back before the first command is decided. */
  overdueHolds: readonly string[];
  /** Ids of the oldest live orders, for the cancellation of an event. */
  ordersToCancel: readonly string[];
  /** Tickets in live orders, by customer; only where the event limits them. */
  ticketsOfCustomer: ReadonlyMap<string, number>;
}

export function keyOf(request: Pick<IdempotentRequest, 'caller' | 'key'>): string {
  return `${request.caller}\n${request.key}`;
}

/** Reads what the commands need, in a fixed number of statements however many they are (but for overdue holds in their thousands). */
export async function loadTurn(em: EntityManager, event: Event, commands: readonly InventoryCommand[]): Promise<LoadedTurn> {
  const { now, remembered } = await loadRemembered(em, commands);
  const ticketTypes = new Map((await ticketTypesOf(em, [event.id])).map((ticketType) => [ticketType.id, ticketType]));
  const named = await loadNamedOrders(em, event.id, commands);
  const toCancel = await loadOrdersToCancel(em, event.id, commands);
  const overdue = await loadOverdueHolds(em, event.id, now, commands, shortOf(ticketTypes, commands, named, now));
  const orders = new Map([...overdue, ...toCancel, ...named].map((order) => [order.id, order]));
  return {
    now,
    remembered,
    ticketTypes,
    orders,
    overdueHolds: overdue.map(({ id }) => id),
    ordersToCancel: toCancel.map(({ id }) => id),
    ticketsOfCustomer: event.maxTicketsPerCustomer === null ? new Map() : await loadCustomers(em, event.id, now, commands, named),
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

async function loadNamedOrders(em: EntityManager, eventId: string, commands: readonly InventoryCommand[]): Promise<Order[]> {
  const ids = commands.flatMap((command) => ('orderId' in command && command.kind !== 'book' ? command.orderId : []));
  return ids.length === 0 ? [] : em.find(Order, { eventId, id: { $in: ids } }, WITH_ITEMS);
}

async function loadOrdersToCancel(em: EntityManager, eventId: string, commands: readonly InventoryCommand[]): Promise<Order[]> {
  const limit = largestLimit(commands, 'cancel-orders-of-event');
  if (limit === 0) return [];
  return em.find(Order, { eventId, status: { $in: LIVE_STATUSES } }, { ...WITH_ITEMS, orderBy: { sequence: 'asc' }, limit });
}

/** The ticket types of which the commands want more than is left, and how many tickets are missing. */
function shortOf(
  ticketTypes: ReadonlyMap<string, TicketType>,
  commands: readonly InventoryCommand[],
  named: readonly Order[],
  now: Date,
): Map<string, number> {
  const wanted = new Map<string, number>();
  const want = (item: { ticketTypeId: string; quantity: number }) =>
    wanted.set(item.ticketTypeId, (wanted.get(item.ticketTypeId) ?? 0) + item.quantity);
  for (const command of commands) {
    if (command.kind === 'book') command.items.forEach(want);
    if (command.kind !== 'confirm' || !command.reviveIfAvailable) continue;
    const order = named.find(({ id }) => id === command.orderId);
    if (order?.statusAt(now) === 'expired') order.items.getItems().forEach(want);
  }
  const missing = [...wanted].map(([id, quantity]) => [id, quantity - (ticketTypes.get(id)?.available ?? quantity)] as const);
  return new Map(missing.filter(([, quantity]) => quantity > 0));
}

/**
 * Holds past their end, longest first: as many as the sweeper asks for, and as many as give back what the commands are short
 * of, so that none of them blocks a sale. Only those of the short ticket types: thousands of others would outlast the
 * transaction, again at every try.
 */
async function loadOverdueHolds(
  em: EntityManager,
  eventId: string,
  now: Date,
  commands: readonly InventoryCommand[],
  short: ReadonlyMap<string, number>,
): Promise<Order[]> {
  const swept = largestLimit(commands, 'expire-holds');
  const overdue = swept > 0 ? await findOverdueHolds(em, eventId, now, swept) : [];
  const missing = new Map(short);
  let batch = overdue;
  for (;;) {
    for (const { ticketTypeId, quantity } of batch.flatMap((order) => order.items.getItems())) {
      const left = (missing.get(ticketTypeId) ?? 0) - quantity;
      if (left > 0) missing.set(ticketTypeId, left);
      else missing.delete(ticketTypeId);
    }
    if (missing.size === 0) return overdue;
    const wanted = { ids: overdue.map(({ id }) => id), ticketTypeIds: [...missing.keys()] };
    batch = await findOverdueHolds(em, eventId, now, OVERDUE_BATCH, wanted);
    if (batch.length === 0) return overdue;
    overdue.push(...batch);
  }
}

/** @param wanted only holds of these ticket types, but for those with these ids */
async function findOverdueHolds(
  em: EntityManager,
  eventId: string,
  now: Date,
  limit: number,
  wanted?: { ids: string[]; ticketTypeIds: string[] },
): Promise<Order[]> {
  const ofWanted = wanted
    ? sql`and o.id <> all(${wanted.ids}::uuid[]) and exists (
        select from order_items i
         where i.order_id = o.id and i.event_id = o.event_id and i.ticket_type_id = any(${wanted.ticketTypeIds}::uuid[]))`
    : sql``;
  const { rows } = await sql<{ id: string }>`
    select o.id from orders o
     where o.event_id = ${eventId} and o.status = 'held' and o.expires_at <= ${now} ${ofWanted}
     order by o.expires_at, o.id limit ${limit}
  `.execute(em.getKysely());
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  return em.find(Order, { eventId, id: { $in: ids } }, { ...WITH_ITEMS, orderBy: { expiresAt: 'asc', id: 'asc' } });
}

async function loadCustomers(
  em: EntityManager,
  eventId: string,
  now: Date,
  commands: readonly InventoryCommand[],
  named: readonly Order[],
) {
  const booking = commands.flatMap((command) => (command.kind === 'book' ? customerKeyOf(command.customer.email) : []));
  const customers = [...booking, ...named.map(({ customerKey }) => customerKey)];
  if (customers.length === 0) return new Map<string, number>();
  const { rows } = await sql<{ customer_key: string; tickets: number }>`
    select o.customer_key, sum(i.quantity)::integer as tickets
      from orders o join order_items i on i.order_id = o.id and i.event_id = o.event_id
     where o.event_id = ${eventId} and o.customer_key = any(${customers}::text[])
       and (o.status = 'confirmed' or (o.status = 'held' and o.expires_at > ${now}))
     group by o.customer_key
  `.execute(em.getKysely());
  return new Map(rows.map((row) => [row.customer_key, row.tickets]));
}

function largestLimit(commands: readonly InventoryCommand[], kind: 'expire-holds' | 'cancel-orders-of-event'): number {
  return Math.max(0, ...commands.map((command) => (command.kind === kind ? command.limit : 0)));
}
