import { DomainError } from '../../platform/errors/domain-error.js';
import { validationFailed } from '../../platform/errors/platform.errors.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import type { Remembered } from '../../platform/idempotency/idempotency.store.js';
import { type Counter, type Event, EVENT_NOT_ON_SALE, type TicketType, ticketTypeNotFound } from '../events/index.js';
import {
  COUNTED_AS,
  CUSTOMER_LIMIT_EXCEEDED,
  type Occasion,
  type Order,
  orderNotFound,
  type OrderItem,
  type OrderStatus,
  type OrderTransition,
} from '../orders/index.js';
import type { LoadedTurn } from './turn-loader.js';

/** What a turn has decided to write; `turn-writer.ts` writes it. */
export interface TurnWrites {
  eventChanged: boolean;
  newOrders: Order[];
  changedOrders: Set<Order>;
  transitions: OrderTransition[];
  /** Differences of the counters, by ticket type. */
  counts: Map<string, Record<Counter, number>>;
  /** New quantities of items of orders that exist; 0: the item goes. By order and ticket type. */
  itemQuantities: Map<string, { orderId: string; ticketTypeId: string; quantity: number }>;
  records: Array<Remembered & Pick<IdempotentRequest, 'caller' | 'key'>>;
  now: Date;
}

export function isEmpty(writes: TurnWrites): boolean {
  return writes.transitions.length === 0 && writes.records.length === 0 && !writes.eventChanged;
}

export interface BookingRules {
  /** Longest life of a hold, extensions included. */
  holdMaxSeconds: number;
}

/** The actor of what nobody asked for. */
const SYSTEM = 'system';

/** Tickets of one type that somebody wants. */
export interface Line {
  ticketType: TicketType;
  quantity: number;
}

/** The state of the event in the middle of a turn: what was loaded under the lock, and what was decided since. */
export class TurnLedger {
  readonly writes: TurnWrites;
  private readonly ticketsOfCustomer: Map<string, number>;

  constructor(
    readonly event: Event,
    readonly loaded: LoadedTurn,
    private readonly rules: BookingRules,
  ) {
    this.ticketsOfCustomer = new Map(loaded.ticketsOfCustomer);
    this.writes = {
      eventChanged: false,
      newOrders: [],
      changedOrders: new Set(),
      transitions: [],
      counts: new Map(),
      itemQuantities: new Map(),
      records: [],
      now: loaded.now,
    };
  }

  get now(): Date {
    return this.loaded.now;
  }

  /** @throws DomainError `order-not-found` */
  order(orderId: string): Order {
    const order = this.loaded.orders.get(orderId);
    if (!order) throw orderNotFound(orderId);
    return order;
  }

  /** @throws DomainError `ticket-type-not-found` */
  ticketType(ticketTypeId: string): TicketType {
    const ticketType = this.loaded.ticketTypes.get(ticketTypeId);
    if (!ticketType) throw ticketTypeNotFound(ticketTypeId);
    return ticketType;
  }

  /** Takes the event's next number: call it only once the command is sure to be accepted. */
  occasion(actor: string): Occasion {
    return { now: this.now, sequence: this.event.nextSequence(), actor };
  }

  add(order: Order, transition: OrderTransition): void {
    this.writes.newOrders.push(order);
    this.record(order, transition, order.items);
  }

  /** @param moved the items whose tickets follow the order to its new state */
  change(order: Order, transition: OrderTransition, moved: Iterable<OrderItem>): void {
    this.writes.changedOrders.add(order);
    this.record(order, transition, moved);
  }

  expire(order: Order): void {
    this.change(order, order.expire(this.occasion(SYSTEM)), order.items);
  }

  cancel(order: Order, reason: string | null, actor: string): void {
    this.change(order, order.cancel(reason, this.occasion(actor)), order.items);
  }

  /** Takes these tickets out of the order, which keeps its state and the rest. */
  giveBack(order: Order, quantities: ReadonlyMap<string, number>, reason: string | null, actor: string): void {
    const items = order.items.getItems().filter(({ ticketTypeId }) => quantities.has(ticketTypeId));
    const transition = order.cancelPartly(quantities, reason, this.occasion(actor));
    for (const { ticketTypeId, quantity } of items) {
      this.writes.itemQuantities.set(`${order.id} ${ticketTypeId}`, { orderId: order.id, ticketTypeId, quantity });
      this.count(ticketTypeId, order.status, -quantities.get(ticketTypeId)!);
      this.countCustomer(order, -quantities.get(ticketTypeId)!);
    }
    this.change(order, transition, []);
  }

  /** @throws DomainError `customer-limit-exceeded` */
  assertWithinCustomerLimit(customer: string, wanted: number): void {
    const limit = this.event.maxTicketsPerCustomer;
    if (limit === null) return;
    const alreadyBooked = this.ticketsOfCustomer.get(customer) ?? 0;
    if (alreadyBooked + wanted <= limit) return;
    const detail = `A customer may have ${limit} tickets of this event and has ${alreadyBooked}.`;
    throw new DomainError(CUSTOMER_LIMIT_EXCEEDED, detail, { limit, alreadyBooked });
  }

  /**
   * The orders of a cancelled event follow it in batches; until then nothing else may happen to them.
   * @throws DomainError `event-not-on-sale`
   */
  assertEventNotCancelled(): void {
    if (this.event.status !== 'cancelled') return;
    throw new DomainError(EVENT_NOT_ON_SALE, 'The event is cancelled, and its orders with it.', { reason: 'cancelled' });
  }

  /**
   * When a hold of that many seconds from now ends.
   * @param since when the hold began
   * @throws DomainError `validation-failed` when the hold would live too long
   */
  endOfHold(seconds: number, since: Date, pointer: string): Date {
    const end = new Date(this.now.getTime() + seconds * 1000);
    const last = new Date(since.getTime() + this.rules.holdMaxSeconds * 1000);
    if (end <= last) return end;
    const detail = `the hold may last ${this.rules.holdMaxSeconds} seconds in all, until ${last.toISOString()}`;
    throw validationFailed([{ pointer, detail }]);
  }

  /** Moves tickets of the order to where its new state counts them, and adds the line of history. */
  private record(order: Order, transition: OrderTransition, moved: Iterable<OrderItem>): void {
    const { fromStatus, toStatus } = transition;
    for (const { ticketTypeId, quantity } of moved) {
      this.count(ticketTypeId, fromStatus, -quantity);
      this.count(ticketTypeId, toStatus, quantity);
      // The loaded sums leave out holds past their end, so their expiry changes nothing there.
      if (transition.step !== 'expire') this.countCustomer(order, quantity * (isLive(toStatus) - isLive(fromStatus)));
    }
    this.writes.transitions.push(transition);
  }

  private count(ticketTypeId: string, status: OrderStatus | null, change: number): void {
    const counter = status && COUNTED_AS[status];
    if (!counter) return;
    this.ticketType(ticketTypeId)[counter] += change;
    const counts = this.writes.counts.get(ticketTypeId) ?? { held: 0, sold: 0 };
    counts[counter] += change;
    this.writes.counts.set(ticketTypeId, counts);
  }

  private countCustomer(order: Order, change: number): void {
    const customer = order.customerIdentity;
    this.ticketsOfCustomer.set(customer, (this.ticketsOfCustomer.get(customer) ?? 0) + change);
  }
}

function isLive(status: OrderStatus | null): 0 | 1 {
  return status && COUNTED_AS[status] ? 1 : 0;
}

export function shortagesOf(lines: readonly Line[]) {
  return lines
    .filter(({ ticketType, quantity }) => quantity > ticketType.available)
    .map(({ ticketType, quantity }) => ({ ticketTypeId: ticketType.id, requested: quantity, available: ticketType.available }));
}
