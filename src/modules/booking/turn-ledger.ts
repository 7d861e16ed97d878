import type { AuditedChange } from '../../platform/audit/audit-log.js';
import type { NewDomainEvent } from '../../platform/domain-events/domain-event.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { validationFailed } from '../../platform/errors/platform.errors.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import type { Remembered } from '../../platform/idempotency/idempotency.store.js';
import { type Counter, type Event, EVENT_NOT_ON_SALE, type TicketType, ticketTypeNotFound } from '../events/index.js';
import {
  COUNTED_AS,
  type Occasion,
  type Order,
  type OrderDto,
  orderNotFound,
  ORDER_FACTS,
  type OrderStatus,
  type OrderTransition,
  type Price,
  toOrderDto,
} from '../orders/index.js';
import type { Line } from './extensions/booking-requests.js';
import { amountTooLarge, priceOfOrder } from './pricing.js';
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
  /** For the audit log. */
  auditedChanges: AuditedChange[];
  /** What subscribers are told. */
  domainEvents: NewDomainEvent[];
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

/** Tickets that a step is about. */
type Tickets = ReadonlyArray<{ ticketTypeId: string; quantity: number }>;

/** The state of the event in the middle of a turn: what was loaded under the lock, and what was decided since. */
export class TurnLedger {
  readonly writes: TurnWrites;
  private readonly shown = new Map<Order, OrderDto>();

  constructor(
    readonly event: Event,
    readonly loaded: LoadedTurn,
    private readonly rules: BookingRules,
  ) {
    this.writes = {
      eventChanged: false,
      newOrders: [],
      changedOrders: new Set(),
      transitions: [],
      counts: new Map(),
      itemQuantities: new Map(),
      records: [],
      auditedChanges: [],
      domainEvents: [],
      now: loaded.now,
    };
  }

  get now(): Date {
    return this.loaded.now;
  }

  /** @param owner whose order it must be; null: anybody's. @throws DomainError `order-not-found` */
  order(orderId: string, owner: string | null = null): Order {
    const order = this.loaded.orders.get(orderId);
    if (!order || (owner !== null && order.customerSubject !== owner)) throw orderNotFound(orderId);
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
    this.record(order, transition, order.items.getItems());
  }

  /** Its tickets follow the order to its new state. */
  change(order: Order, transition: OrderTransition): void {
    this.writes.changedOrders.add(order);
    this.record(order, transition, order.items.getItems());
  }

  expire(order: Order): void {
    this.change(order, order.expire(this.occasion(SYSTEM)));
  }

  cancel(order: Order, reason: string | null, actor: string): void {
    this.change(order, order.cancel(reason, this.occasion(actor)));
  }

  /** Takes these tickets out of the order, which keeps its state and the rest. */
  giveBack(order: Order, quantities: ReadonlyMap<string, number>, reason: string | null, actor: string): void {
    const items = order.items.getItems().filter(({ ticketTypeId }) => quantities.has(ticketTypeId));
    const transition = order.cancelPartly(quantities, this.priceWithout(order, quantities), reason, this.occasion(actor));
    for (const { ticketTypeId, quantity } of items) {
      this.writes.itemQuantities.set(`${order.id} ${ticketTypeId}`, { orderId: order.id, ticketTypeId, quantity });
      this.count(ticketTypeId, order.status, -quantities.get(ticketTypeId)!);
    }
    this.writes.changedOrders.add(order);
    const given = [...quantities].map(([ticketTypeId, quantity]) => ({ ticketTypeId, quantity }));
    this.tell(order, transition, given);
  }

  /** The order as the API shows it now. */
  show(order: Order): OrderDto {
    return this.shown.get(order) ?? toOrderDto(order, this.now);
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

  private priceWithout(order: Order, quantities: ReadonlyMap<string, number>): Price {
    const lines = order.items
      .getItems()
      .map(({ ticketTypeId, quantity, unitPriceAmount }) => ({
        ticketTypeId,
        quantity: quantity - (quantities.get(ticketTypeId) ?? 0),
        unitPriceAmount,
      }))
      .filter(({ quantity }) => quantity > 0);
    const { event, loaded } = this;
    const price = priceOfOrder(loaded.extensions, event, lines, order.extensions, order.adjustments);
    if (price === null) throw amountTooLarge();
    return price;
  }

  /** Moves tickets of the order to where its new state counts them, and adds the line of history. */
  private record(order: Order, transition: OrderTransition, moved: Tickets): void {
    const { fromStatus, toStatus } = transition;
    for (const { ticketTypeId, quantity } of moved) {
      this.count(ticketTypeId, fromStatus, -quantity);
      this.count(ticketTypeId, toStatus, quantity);
    }
    this.tell(
      order,
      transition,
      moved.map(({ ticketTypeId, quantity }) => ({ ticketTypeId, quantity })),
    );
  }

  private tell(order: Order, transition: OrderTransition, tickets: Tickets): void {
    this.writes.transitions.push(transition);
    const data = toOrderDto(order, this.now);
    this.shown.set(order, data);
    this.writes.domainEvents.push({
      type: ORDER_FACTS[transition.step],
      eventId: order.eventId,
      order: { id: order.id, sequence: transition.sequence },
      occurredAt: transition.at,
      data,
    });
    this.loaded.extensions.decided({ order, transition, tickets });
  }

  private count(ticketTypeId: string, status: OrderStatus | null, change: number): void {
    const counter = status && COUNTED_AS[status];
    if (!counter) return;
    this.ticketType(ticketTypeId)[counter] += change;
    const counts = this.writes.counts.get(ticketTypeId) ?? { held: 0, sold: 0 };
    counts[counter] += change;
    this.writes.counts.set(ticketTypeId, counts);
  }
}

export function shortagesOf(lines: readonly Line[]) {
  return lines
    .filter(({ ticketType, quantity }) => quantity > ticketType.available)
    .map(({ ticketType, quantity }) => ({ ticketTypeId: ticketType.id, requested: quantity, available: ticketType.available }));
}
