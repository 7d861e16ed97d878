import { BigIntType, Collection } from '@mikro-orm/core';
import { Entity, OneToMany, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { DomainError } from '../../platform/errors/domain-error.js';
import { customerKeyOf } from './customer.js';
import { OrderItem } from './order-item.entity.js';
import { nextStatus, type OrderStatus, type OrderStep } from './order-state.js';
import { OrderTransition } from './order-transition.entity.js';
import { ORDER_NOT_CANCELLABLE } from './orders.errors.js';

export interface NewOrder {
  id: string;
  eventId: string;
  currency: string;
  totalAmount: number;
  customer: { email: string; name: string | null };
  metadata: Record<string, string>;
  items: ReadonlyArray<{ ticketTypeId: string; name: string; quantity: number; unitPriceAmount: number }>;
}

/** The circumstances of one transition. */
export interface Occasion {
  now: Date;
  /** The event's next number, taken under its lock. */
  sequence: number;
  actor: string;
}

@Entity({ tableName: 'orders' })
export class Order {
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'uuid' })
  eventId!: string;

  /** The event's number of the booking: the order of allocation. */
  @Property({ type: 'integer' })
  sequence!: number;

  @Property({ type: 'text' })
  status!: OrderStatus;

  @Property({ type: 'text' })
  currency!: string;

  /** Minor units. */
  @Property({ type: new BigIntType('number') })
  totalAmount!: number;

  @Property({ type: 'text' })
  customerEmail!: string;

  /** See {@link customerKeyOf}. */
  @Property({ type: 'text' })
  customerKey!: string;

  @Property({ type: 'text', nullable: true })
  customerName!: string | null;

  @Property({ type: 'json' })
  metadata!: Record<string, string>;

  @Property({ type: 'datetime', nullable: true })
  expiresAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  confirmedAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  cancelledAt!: Date | null;

  @Property({ type: 'text', nullable: true })
  cancelReason!: string | null;

  @Property({ type: 'integer' })
  version!: number;

  @Property({ type: 'datetime' })
  createdAt!: Date;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  @OneToMany(() => OrderItem, (item) => item.order, { orderBy: { position: 'asc' } })
  items = new Collection<OrderItem>(this);

  /** A new order, confirmed at once, and the first line of its history. */
  static book(from: NewOrder, occasion: Occasion): [Order, OrderTransition] {
    const order = new Order();
    Object.assign(order, {
      id: from.id,
      eventId: from.eventId,
      sequence: occasion.sequence,
      status: nextStatus('none', 'book'),
      currency: from.currency,
      totalAmount: from.totalAmount,
      customerEmail: from.customer.email,
      customerKey: customerKeyOf(from.customer.email),
      customerName: from.customer.name,
      metadata: from.metadata,
      expiresAt: null,
      confirmedAt: occasion.now,
      cancelledAt: null,
      cancelReason: null,
      version: 1,
      createdAt: occasion.now,
      updatedAt: occasion.now,
    });
    order.items.hydrate(
      from.items.map((line, position) => Object.assign(new OrderItem(), line, { order, eventId: from.eventId, position })),
    );
    return [order, order.transition(null, occasion, null)];
  }

  /** @throws DomainError `order-not-cancellable` */
  assertCancellable(): void {
    if (nextStatus(this.status, 'cancel') !== null) return;
    throw new DomainError(ORDER_NOT_CANCELLABLE, `An order that is ${this.status} cannot be cancelled.`, {
      orderStatus: this.status,
    });
  }

  /** Gives all tickets back. @throws DomainError `order-not-cancellable` */
  cancel(reason: string | null, occasion: Occasion): OrderTransition {
    this.assertCancellable();
    const from = this.move('cancel', occasion);
    this.cancelledAt = occasion.now;
    this.cancelReason = reason;
    return this.transition(from, occasion, reason);
  }

  private move(step: OrderStep, occasion: Occasion): OrderStatus {
    const from = this.status;
    const to = nextStatus(from, step);
    if (to === null) throw new Error(`Order ${this.id} is ${from}, which does not allow ${step}`);
    this.status = to;
    this.version += 1;
    this.updatedAt = occasion.now;
    return from;
  }

  private transition(from: OrderStatus | null, occasion: Occasion, reason: string | null): OrderTransition {
    return Object.assign(new OrderTransition(), {
      eventId: this.eventId,
      sequence: occasion.sequence,
      orderId: this.id,
      fromStatus: from,
      toStatus: this.status,
      at: occasion.now,
      actor: occasion.actor,
      reason,
    });
  }
}
