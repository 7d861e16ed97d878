import type { EntityManager, FilterQuery } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { DATABASE_NOW, STATEMENT_TIME } from '../../platform/database/clock.js';
import { asExtension } from '../../platform/database/connection-guard.js';
import { detachedEntity } from '../../platform/database/detached-entity.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { isOneOf, keyOf, type Remembered } from '../../platform/idempotency/idempotency.store.js';
import { Event, TicketType } from '../events/index.js';
import { LIVE_STATUSES, Order } from '../orders/index.js';
import type { BookCommand, InventoryCommand } from './commands.js';
import type { TurnToLoad } from './extensions/booking-extension.js';
import type { RegisteredExtension } from './extensions/booking-extensions.js';
import { requestsOf, type TicketsRequest } from './extensions/booking-requests.js';
import { TurnExtensions } from './extensions/turn-extensions.js';

/** How many holds past their end are taken back by one statement, and so in one step. */
const OVERDUE_BATCH = 500;

const WITH_ITEMS = { populate: ['items'], strategy: 'select-in', disableIdentityMap: true } as const;

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
  /** What the commands that want tickets want. */
  requests: ReadonlyMap<InventoryCommand, TicketsRequest>;
  extensions: TurnExtensions;
}

/** Reads what the commands need, in a fixed number of statements however many they are (but for overdue holds in their thousands). */
export async function loadTurn(
  em: EntityManager,
  event: Event,
  commands: readonly InventoryCommand[],
  registered: readonly RegisteredExtension[],
): Promise<LoadedTurn> {
  const { now, remembered, ticketTypes } = await loadInventory(em, event.id, commands);
  const named = await loadNamedOrders(em, event.id, commands);
  const toCancel = await loadOrdersToCancel(em, event.id, commands);
  const overdue = await loadOverdueHolds(em, event.id, now, commands, shortOf(ticketTypes, commands, named, now));
  const orders = new Map([...overdue, ...toCancel, ...named].map((order) => [order.id, order]));
  const requests = requestsOf(commands, { event, now, ticketTypes, orders });
  const turn = { event, now, requests: [...requests.values()], orders: [...orders.values()] };
  const inTheWay = await overdueHoldsOf(registered, em, turn);
  const missing = inTheWay.filter((id) => !orders.has(id));
  for (const order of await loadOrders(em, event.id, missing)) orders.set(order.id, order);
  return {
    now,
    remembered,
    ticketTypes,
    orders,
    // A hold may be swept and needed.
    overdueHolds: [...new Set([...overdue.map(({ id }) => id), ...inTheWay])].filter((id) => orders.get(id)?.isOverdue(now)),
    ordersToCancel: toCancel.map(({ id }) => id),
    requests,
    extensions: await TurnExtensions.load(registered, em, { ...turn, orders: [...orders.values()] }),
  };
}

/** Holds past their end that extensions found to stand in the way. */
async function overdueHoldsOf(
  registered: readonly RegisteredExtension[],
  em: EntityManager,
  turn: TurnToLoad,
): Promise<string[]> {
  if (turn.requests.length === 0) return [];
  const ids: string[] = [];
  for (const { name, extension } of registered) {
    if (extension.overdueHolds) ids.push(...(await asExtension(name, () => extension.overdueHolds!(em, turn))));
  }
  return ids;
}

/**
 * What bookings are decided on, without any lock: good enough to refuse them, never to accept one.
 * @returns null when there is no such event, or when holds past their end could give back what is missing
 */
export async function loadSnapshot(
  em: EntityManager,
  eventId: string,
  commands: readonly BookCommand[],
  registered: readonly RegisteredExtension[],
): Promise<{ event: Event; loaded: LoadedTurn } | null> {
  const { now, remembered, ticketTypes, event, overdueTypes } = await loadInventory(em, eventId, commands, SNAPSHOT);
  if (!event) return null;
  const short = shortOf(ticketTypes, commands, [], now);
  if (overdueTypes.some((id) => short.has(id))) return null;
  const none = { orders: new Map<string, Order>(), overdueHolds: [], ordersToCancel: [] };
  const requests = requestsOf(commands, { event, now, ticketTypes, orders: none.orders });
  const turn = { event, now, requests: [...requests.values()], orders: [] };
  if ((await overdueHoldsOf(registered, em, turn)).length > 0) return null;
  const extensions = await TurnExtensions.load(registered, em, turn);
  return { event, loaded: { now, remembered, ticketTypes, requests, extensions, ...none } };
}

/** The part of the statement that only a read without lock needs: the event, and the ticket types that overdue holds have. */
const SNAPSHOT = {
  name: 'load-snapshot',
  now: STATEMENT_TIME,
  event: `(select to_json(e) from events e where e.id = wanted_event)`,
  overdueTypes: `coalesce((
    select json_agg(t.id) from ticket_types t where t.event_id = wanted_event and exists (
      select from orders o join order_items i on i.event_id = o.event_id and i.order_id = o.id
       where o.event_id = wanted_event and o.status = 'held' and o.expires_at <= ${STATEMENT_TIME} and i.ticket_type_id = t.id)
  ), '[]')`,
};
const UNDER_LOCK = { name: 'load-turn', now: DATABASE_NOW, event: 'null::json', overdueTypes: `'[]'::json` };

interface InventoryRow {
  now: string;
  event: Record<string, unknown> | null;
  overdue_types: string[];
  ticket_types: Array<Record<string, unknown>>;
  remembered: Array<Remembered & Pick<IdempotentRequest, 'caller' | 'key'>>;
}

/** One statement for the clock, the keys and the ticket types. */
async function loadInventory(em: EntityManager, eventId: string, commands: readonly InventoryCommand[], parts = UNDER_LOCK) {
  const requests = commands.flatMap(({ request }) => request ?? []);
  const { rows } = await sql<InventoryRow>`/* ${sql.raw(parts.name)} */
    select ${sql.raw(parts.now)} as now,
           ${sql.raw(parts.event)} as event,
           ${sql.raw(parts.overdueTypes)} as overdue_types,
           coalesce((
             select json_agg(t order by t.created_at, t.id) from ticket_types t where t.event_id = wanted_event
           ), '[]') as ticket_types,
           coalesce((
             select json_agg(json_build_object(
                      'caller', k.caller, 'key', k.key, 'fingerprint', k.fingerprint, 'status', k.status, 'body', k.body))
               from idempotency_keys k
              where ${isOneOf(requests)}
           ), '[]') as remembered
      from (select ${eventId}::uuid as wanted_event) wanted
  `.execute(em.getKysely());
  const row = rows[0]!;
  const ticketTypes = row.ticket_types.map((ticketType) => detachedEntity(em, TicketType, ticketType));
  return {
    now: new Date(row.now),
    event: row.event && detachedEntity(em, Event, row.event),
    overdueTypes: row.overdue_types,
    ticketTypes: new Map(ticketTypes.map((ticketType) => [ticketType.id, ticketType])),
    remembered: new Map(row.remembered.map((record) => [keyOf(record), record])),
  };
}

async function loadNamedOrders(em: EntityManager, eventId: string, commands: readonly InventoryCommand[]): Promise<Order[]> {
  const ids = commands.flatMap((command) => ('orderId' in command && command.kind !== 'book' ? command.orderId : []));
  return loadOrders(em, eventId, ids);
}

async function loadOrders(em: EntityManager, eventId: string, ids: readonly string[]): Promise<Order[]> {
  return ids.length === 0 ? [] : em.find(Order, { eventId, id: { $in: [...ids] } }, WITH_ITEMS);
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
 * of, so that none of them blocks a sale. Only holds of those ticket types: were the others taken back as well, every booking
 * of a ticket type that is sold out would pay for them.
 */
async function loadOverdueHolds(
  em: EntityManager,
  eventId: string,
  now: Date,
  commands: readonly InventoryCommand[],
  short: ReadonlyMap<string, number>,
): Promise<Order[]> {
  const oldest = (limit: number, offset: number, where: FilterQuery<Order> = {}) =>
    em.find(
      Order,
      { $and: [{ eventId, status: 'held', expiresAt: { $lte: now } }, where] },
      { ...WITH_ITEMS, orderBy: { expiresAt: 'asc', id: 'asc' }, limit, offset },
    );
  const swept = largestLimit(commands, 'expire-holds');
  const overdue = swept > 0 ? await oldest(swept, 0) : [];
  const missing = new Map(short);
  const ofShortTypes = { items: { $some: { ticketTypeId: { $in: [...short.keys()] } } } };
  for (let offset = 0; missing.size > 0; offset += OVERDUE_BATCH) {
    const batch = await oldest(OVERDUE_BATCH, offset, ofShortTypes);
    overdue.push(...batch);
    for (const { ticketTypeId, quantity } of batch.flatMap((order) => order.items.getItems())) {
      const left = (missing.get(ticketTypeId) ?? 0) - quantity;
      if (left > 0) missing.set(ticketTypeId, left);
      else missing.delete(ticketTypeId);
    }
    if (batch.length < OVERDUE_BATCH) break;
  }
  return overdue;
}

function largestLimit(commands: readonly InventoryCommand[], kind: 'expire-holds' | 'cancel-orders-of-event'): number {
  return Math.max(0, ...commands.map((command) => (command.kind === kind ? command.limit : 0)));
}
