import { DomainError } from '../../platform/errors/domain-error.js';
import { validationFailed } from '../../platform/errors/platform.errors.js';
import { totalOf } from '../../platform/http/money.js';
import { Answer } from '../../platform/idempotency/answer.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { replay } from '../../platform/idempotency/idempotency.store.js';
import {
  type Counter,
  type Event,
  EVENT_NOT_ON_SALE,
  type EventDto,
  salesWindowRefusal,
  type TicketType,
  TICKET_TYPE_NOT_FOUND,
  ticketTypeNotFound,
  toEventDto,
} from '../events/index.js';
import {
  COUNTED_AS,
  CUSTOMER_LIMIT_EXCEEDED,
  customerKeyOf,
  Order,
  orderNotFound,
  type OrderItem,
  type OrderStatus,
  type OrderTransition,
  QUANTITY_OUT_OF_RANGE,
  SOLD_OUT,
  toOrderDto,
} from '../orders/index.js';
import type {
  BookCommand,
  CancelOrderCommand,
  CancelOrdersOfEventCommand,
  ConfirmCommand,
  ExtendCommand,
  InventoryCommand,
} from './commands.js';
import { keyOf, type LoadedTurn, type Remembered } from './turn-loader.js';

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

export interface BookingRules {
  /** Longest life of a hold, extensions included. */
  holdMaxSeconds: number;
}

/** The actor of what nobody asked for. */
const SYSTEM = 'system';

interface Line {
  ticketType: TicketType;
  quantity: number;
}

/**
 * Takes back the holds that are past their end, if the load found that the commands need them, and then decides the commands
 * of one event, one after the other, on what was loaded under its lock. Pure and synchronous.
 * A refused command leaves no trace: all its checks come before its first change.
 */
export class BookingTurn {
  readonly writes: TurnWrites;
  private readonly remembered: Map<string, Remembered>;
  private readonly ticketsOfCustomer: Map<string, number>;

  constructor(
    private readonly event: Event,
    private readonly loaded: LoadedTurn,
    private readonly rules: BookingRules,
  ) {
    this.remembered = new Map(loaded.remembered);
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
    for (const id of loaded.overdueHolds) this.expire(this.orderOf(id));
  }

  /** The answer of the command, or why it is refused. A repeat gets the answer of its original, of this turn or an earlier one. */
  decide(command: InventoryCommand): Answer | DomainError {
    try {
      const record = command.request && this.remembered.get(keyOf(command.request));
      if (command.request && record) return replay(record, command.request);
      const answer = this.execute(command);
      if (command.request) this.remember(command.request, answer);
      return answer;
    } catch (error) {
      if (error instanceof DomainError) return error;
      throw error;
    }
  }

  private execute(command: InventoryCommand): Answer {
    const { now } = this.loaded;
    switch (command.kind) {
      case 'book':
        return new Answer(201, toOrderDto(this.book(command), now));
      case 'confirm':
        return new Answer(200, toOrderDto(this.confirm(command), now));
      case 'extend':
        return new Answer(200, toOrderDto(this.extend(command), now));
      case 'cancel-order':
        return new Answer(200, toOrderDto(this.cancelOrder(command), now));
      case 'cancel-event':
        return new Answer(200, this.cancelEvent());
      case 'cancel-orders-of-event':
        return new Answer(200, this.cancelOrdersOfEvent(command));
      case 'expire-holds':
        return new Answer(200, { expired: this.loaded.overdueHolds.length });
    }
  }

  private remember(request: IdempotentRequest, answer: Answer): void {
    const { caller, key, fingerprint } = request;
    const record = { caller, key, fingerprint, status: answer.status, body: JSON.stringify(answer.body) };
    this.remembered.set(keyOf(request), record);
    this.writes.records.push(record);
  }

  private book(command: BookCommand): Order {
    this.event.assertOnSale(this.loaded.now);
    const lines = command.items.map((item) => this.lineOf(item));
    const total = totalOf(lines.map(({ ticketType, quantity }) => ({ quantity, unitPrice: ticketType.priceAmount })));
    if (total === null)
      throw validationFailed([{ pointer: '/items', detail: 'the total is over the largest amount, 9007199254740991' }]);
    const expiresAt = this.endOfHold(command.holdSeconds, this.loaded.now, '/hold/seconds');
    this.assertWithinCustomerLimit(
      customerKeyOf(command.customer.email),
      lines.reduce((sum, { quantity }) => sum + quantity, 0),
    );
    const shortages = shortagesOf(lines);
    if (shortages.length > 0) {
      const verb = shortages.length === 1 ? 'is' : 'are';
      throw new DomainError(SOLD_OUT, `${shortages.length} of the ticket types ${verb} short.`, { shortages });
    }

    const [order, transition] = Order.book(
      {
        id: command.orderId,
        eventId: this.event.id,
        currency: this.event.currency,
        totalAmount: total,
        customer: command.customer,
        metadata: command.metadata,
        expiresAt,
        items: lines.map(({ ticketType, quantity }) => ({
          ticketTypeId: ticketType.id,
          name: ticketType.name,
          quantity,
          unitPriceAmount: ticketType.priceAmount,
        })),
      },
      this.occasion(command.actor),
    );
    this.writes.newOrders.push(order);
    this.record(order, transition, order.items);
    return order;
  }

  private lineOf({ ticketTypeId, quantity }: BookCommand['items'][number]): Line {
    const ticketType = this.loaded.ticketTypes.get(ticketTypeId);
    if (!ticketType) throw ticketTypeNotFound(ticketTypeId);
    const { name, minPerOrder, maxPerOrder } = ticketType;
    const reason = salesWindowRefusal(ticketType, this.loaded.now);
    if (reason !== null) throw new DomainError(EVENT_NOT_ON_SALE, `${name} is not on sale: ${reason}.`, { reason, ticketTypeId });
    if (quantity < minPerOrder || quantity > maxPerOrder) {
      throw new DomainError(
        QUANTITY_OUT_OF_RANGE,
        `Between ${minPerOrder} and ${maxPerOrder} tickets of ${name} can be ordered at once.`,
        {
          ticketTypeId,
          minPerOrder,
          maxPerOrder,
        },
      );
    }
    return { ticketType, quantity };
  }

  private assertWithinCustomerLimit(customerKey: string, wanted: number): void {
    const limit = this.event.maxTicketsPerCustomer;
    if (limit === null) return;
    const alreadyBooked = this.ticketsOfCustomer.get(customerKey) ?? 0;
    if (alreadyBooked + wanted <= limit) return;
    throw new DomainError(
      CUSTOMER_LIMIT_EXCEEDED,
      `A customer may have ${limit} tickets of this event and has ${alreadyBooked}.`,
      { limit, alreadyBooked },
    );
  }

  /** @param since when the hold began @throws DomainError `validation-failed` when it would be longer than a hold may live */
  private endOfHold(seconds: number, since: Date, pointer: string): Date;
  private endOfHold(seconds: number | null, since: Date, pointer: string): Date | null;
  private endOfHold(seconds: number | null, since: Date, pointer: string): Date | null {
    if (seconds === null) return null;
    const end = new Date(this.loaded.now.getTime() + seconds * 1000);
    const last = new Date(since.getTime() + this.rules.holdMaxSeconds * 1000);
    if (end <= last) return end;
    throw validationFailed([
      { pointer, detail: `the hold may last ${this.rules.holdMaxSeconds} seconds in all, until ${last.toISOString()}` },
    ]);
  }

  private orderOf(orderId: string): Order {
    const order = this.loaded.orders.get(orderId);
    if (!order) throw orderNotFound(orderId);
    return order;
  }

  /** Again on a confirmed order: the same answer, no change. */
  private confirm(command: ConfirmCommand): Order {
    const order = this.orderOf(command.orderId);
    if (order.status === 'confirmed') return order;
    const revive = command.reviveIfAvailable && order.statusAt(this.loaded.now) === 'expired';
    if (!revive) order.assertHeld(this.loaded.now);
    this.assertEventNotCancelled();
    if (revive) this.revive(order, command);
    else this.change(order, order.confirm(command.paymentReference, this.occasion(command.actor)), order.items);
    return order;
  }

  private revive(order: Order, command: ConfirmCommand): void {
    // Nobody else has taken the tickets of a hold whose expiry is not stored yet.
    const shortages = order.status === 'held' ? [] : shortagesOf(this.linesOf(order));
    if (shortages.length > 0) order.assertHeld(this.loaded.now, shortages);
    this.assertWithinCustomerLimit(order.customerKey, order.tickets);
    if (order.status === 'held') this.expire(order);
    this.change(order, order.revive(command.paymentReference, this.occasion(command.actor)), order.items);
  }

  private extend(command: ExtendCommand): Order {
    const order = this.orderOf(command.orderId);
    order.assertHeld(this.loaded.now);
    this.assertEventNotCancelled();
    const expiresAt = this.endOfHold(command.seconds, order.createdAt, '/seconds');
    this.change(order, order.extend(expiresAt, this.occasion(command.actor)), []);
    return order;
  }

  /** The orders of a cancelled event follow it in batches; until then nothing else may happen to them. */
  private assertEventNotCancelled(): void {
    if (this.event.status !== 'cancelled') return;
    throw new DomainError(EVENT_NOT_ON_SALE, 'The event is cancelled, and its orders with it.', { reason: 'cancelled' });
  }

  /** Again on a cancelled order, without items: the same answer, no change. */
  private cancelOrder(command: CancelOrderCommand): Order {
    const order = this.orderOf(command.orderId);
    if (command.items === null && order.status === 'cancelled') return order;
    order.assertCancellable(this.loaded.now);
    const quantities = new Map(command.items?.map(({ ticketTypeId, quantity }) => [ticketTypeId, quantity]));
    for (const [ticketTypeId, quantity] of quantities) assertCanGiveBack(order, ticketTypeId, quantity);
    const given = [...quantities.values()].reduce((sum, quantity) => sum + quantity, 0);
    if (command.items === null || given === order.tickets) this.cancel(order, command.reason, command.actor);
    else this.cancelPartly(order, quantities, command);
    return order;
  }

  private cancelPartly(order: Order, quantities: ReadonlyMap<string, number>, command: CancelOrderCommand): void {
    const remaining = new Map(order.items.getItems().map((item) => [item.ticketTypeId, item.quantity]));
    const transition = order.cancelPartly(quantities, command.reason, this.occasion(command.actor));
    for (const [ticketTypeId, quantity] of quantities) {
      const left = remaining.get(ticketTypeId)! - quantity;
      this.writes.itemQuantities.set(`${order.id} ${ticketTypeId}`, { orderId: order.id, ticketTypeId, quantity: left });
      this.count(ticketTypeId, order.status, -quantity);
      this.countCustomer(order, -quantity);
    }
    this.change(order, transition, []);
  }

  private cancelEvent(): EventDto {
    this.event.cancel(this.loaded.now);
    this.writes.eventChanged = true;
    return toEventDto(this.event, [...this.loaded.ticketTypes.values()]);
  }

  private cancelOrdersOfEvent(command: CancelOrdersOfEventCommand): { finished: boolean } {
    for (const id of this.loaded.ordersToCancel) {
      const order = this.orderOf(id);
      if (order.isOverdue(this.loaded.now)) this.expire(order);
      else this.cancel(order, 'event-cancelled', command.actor);
    }
    const finished = this.loaded.ordersToCancel.length < command.limit;
    if (finished) this.event.hasOrdersToCancel = false;
    this.writes.eventChanged = true;
    return { finished };
  }

  private cancel(order: Order, reason: string | null, actor: string): void {
    this.change(order, order.cancel(reason, this.occasion(actor)), order.items);
  }

  private expire(order: Order): void {
    this.change(order, order.expire(this.occasion(SYSTEM)), order.items);
  }

  private occasion(actor: string) {
    return { now: this.loaded.now, sequence: this.event.nextSequence(), actor };
  }

  private change(order: Order, transition: OrderTransition, moved: Iterable<OrderItem>): void {
    this.writes.changedOrders.add(order);
    this.record(order, transition, moved);
  }

  /** Moves these tickets of the order to where its new state counts them, and adds the line of history. */
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

  private countCustomer(order: Order, change: number): void {
    this.ticketsOfCustomer.set(order.customerKey, (this.ticketsOfCustomer.get(order.customerKey) ?? 0) + change);
  }

  private linesOf(order: Order): Line[] {
    return order.items.map(({ ticketTypeId, quantity }) => ({
      ticketType: this.loaded.ticketTypes.get(ticketTypeId)!,
      quantity,
    }));
  }

  private count(ticketTypeId: string, status: OrderStatus | null, change: number): void {
    const counter = status && COUNTED_AS[status];
    if (!counter) return;
    this.loaded.ticketTypes.get(ticketTypeId)![counter] += change;
    const counts = this.writes.counts.get(ticketTypeId) ?? { held: 0, sold: 0 };
    counts[counter] += change;
    this.writes.counts.set(ticketTypeId, counts);
  }
}

function isLive(status: OrderStatus | null): 0 | 1 {
  return status && COUNTED_AS[status] ? 1 : 0;
}

function shortagesOf(lines: readonly Line[]) {
  return lines
    .filter(({ ticketType, quantity }) => quantity > ticketType.available)
    .map(({ ticketType, quantity }) => ({ ticketTypeId: ticketType.id, requested: quantity, available: ticketType.available }));
}

/** @throws DomainError `ticket-type-not-found`, `quantity-out-of-range` */
function assertCanGiveBack(order: Order, ticketTypeId: string, quantity: number): void {
  const item = order.items.find((candidate) => candidate.ticketTypeId === ticketTypeId);
  if (!item) throw new DomainError(TICKET_TYPE_NOT_FOUND, `The order has no tickets of ticket type ${ticketTypeId}.`);
  if (quantity <= item.quantity) return;
  throw new DomainError(
    QUANTITY_OUT_OF_RANGE,
    `The order has ${item.quantity} tickets of ${item.name}, so ${quantity} cannot be given back.`,
    {
      ticketTypeId,
      maxPerOrder: item.quantity,
    },
  );
}
