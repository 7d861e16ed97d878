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
  ticketTypeNotFound,
  toEventDto,
} from '../events/index.js';
import {
  COUNTED_AS,
  CUSTOMER_LIMIT_EXCEEDED,
  customerKeyOf,
  Order,
  orderNotFound,
  type OrderStatus,
  type OrderTransition,
  QUANTITY_OUT_OF_RANGE,
  SOLD_OUT,
  toOrderDto,
} from '../orders/index.js';
import type { BookCommand, CancelOrderCommand, CancelOrdersOfEventCommand, InventoryCommand } from './commands.js';
import { keyOf, type LoadedTurn, type Remembered } from './turn-loader.js';

/** What a turn has decided to write; `turn-writer.ts` writes it. */
export interface TurnWrites {
  eventChanged: boolean;
  newOrders: Order[];
  changedOrders: Set<Order>;
  transitions: OrderTransition[];
  /** Differences of the counters, by ticket type. */
  counts: Map<string, Record<Counter, number>>;
  records: Array<Remembered & Pick<IdempotentRequest, 'caller' | 'key'>>;
  now: Date;
}

interface Line {
  ticketType: TicketType;
  quantity: number;
}

/**
 * Decides the commands of one event, one after the other, on what was loaded under its lock. Pure and synchronous.
 * A refused command leaves no trace: all its checks come before its first change.
 */
export class BookingTurn {
  readonly writes: TurnWrites;
  private readonly remembered: Map<string, Remembered>;
  private readonly ticketsOfCustomer: Map<string, number>;

  constructor(
    private readonly event: Event,
    private readonly loaded: LoadedTurn,
  ) {
    this.remembered = new Map(loaded.remembered);
    this.ticketsOfCustomer = new Map(loaded.ticketsOfCustomer);
    this.writes = {
      eventChanged: false,
      newOrders: [],
      changedOrders: new Set(),
      transitions: [],
      counts: new Map(),
      records: [],
      now: loaded.now,
    };
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
    switch (command.kind) {
      case 'book':
        return new Answer(201, toOrderDto(this.book(command)));
      case 'cancel-order':
        return new Answer(200, toOrderDto(this.cancelOrder(command)));
      case 'cancel-event':
        return new Answer(200, this.cancelEvent());
      case 'cancel-orders-of-event':
        return new Answer(200, this.cancelOrdersOfEvent(command));
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
    this.assertWithinCustomerLimit(command);
    assertAvailable(lines);

    const [order, transition] = Order.book(
      {
        id: command.orderId,
        eventId: this.event.id,
        currency: this.event.currency,
        totalAmount: total,
        customer: command.customer,
        metadata: command.metadata,
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
    this.record(order, transition);
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

  private assertWithinCustomerLimit(command: BookCommand): void {
    const limit = this.event.maxTicketsPerCustomer;
    if (limit === null) return;
    const alreadyBooked = this.ticketsOfCustomer.get(customerKeyOf(command.customer.email)) ?? 0;
    const wanted = command.items.reduce((sum, { quantity }) => sum + quantity, 0);
    if (alreadyBooked + wanted <= limit) return;
    throw new DomainError(
      CUSTOMER_LIMIT_EXCEEDED,
      `A customer may have ${limit} tickets of this event and has ${alreadyBooked}.`,
      { limit, alreadyBooked },
    );
  }

  /** Again on a cancelled order: the same answer, no change. */
  private cancelOrder(command: CancelOrderCommand): Order {
    const order = this.loaded.orders.get(command.orderId);
    if (!order) throw orderNotFound(command.orderId);
    if (order.status !== 'cancelled') this.cancel(order, command.reason, command.actor);
    return order;
  }

  private cancelEvent(): EventDto {
    this.event.cancel(this.loaded.now);
    this.writes.eventChanged = true;
    return toEventDto(this.event, [...this.loaded.ticketTypes.values()]);
  }

  private cancelOrdersOfEvent(command: CancelOrdersOfEventCommand): { finished: boolean } {
    const orders = this.loaded.ordersToCancel.map((id) => this.loaded.orders.get(id)!);
    for (const order of orders) this.cancel(order, 'event-cancelled', command.actor);
    const finished = orders.length < command.limit;
    if (finished) this.event.hasOrdersToCancel = false;
    this.writes.eventChanged = true;
    return { finished };
  }

  private cancel(order: Order, reason: string | null, actor: string): void {
    order.assertCancellable();
    const transition = order.cancel(reason, this.occasion(actor));
    this.writes.changedOrders.add(order);
    this.record(order, transition);
  }

  private occasion(actor: string) {
    return { now: this.loaded.now, sequence: this.event.nextSequence(), actor };
  }

  /** Moves the tickets of the order to where its new state counts them, and writes the line of history. */
  private record(order: Order, transition: OrderTransition): void {
    for (const { ticketTypeId, quantity } of order.items) {
      this.count(ticketTypeId, transition.fromStatus, -quantity);
      this.count(ticketTypeId, transition.toStatus, quantity);
    }
    const tickets = order.items.reduce((sum, { quantity }) => sum + quantity, 0);
    const change = tickets * (isLive(transition.toStatus) - isLive(transition.fromStatus));
    this.ticketsOfCustomer.set(order.customerKey, (this.ticketsOfCustomer.get(order.customerKey) ?? 0) + change);
    this.writes.transitions.push(transition);
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

/** @throws DomainError `sold-out` */
function assertAvailable(lines: readonly Line[]): void {
  const shortages = lines
    .filter(({ ticketType, quantity }) => quantity > ticketType.available)
    .map(({ ticketType, quantity }) => ({ ticketTypeId: ticketType.id, requested: quantity, available: ticketType.available }));
  if (shortages.length === 0) return;
  throw new DomainError(SOLD_OUT, `${shortages.length} of the ticket types ${shortages.length === 1 ? 'is' : 'are'} short.`, {
    shortages,
  });
}
