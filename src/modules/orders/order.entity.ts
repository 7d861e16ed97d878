import { BigIntType, Collection } from '@mikro-orm/core';
import { Entity, Formula, OneToMany, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { STATEMENT_TIME } from '../../platform/database/clock.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { type Customer, customerIdentity, customerKeyOf } from './customer.js';
import { OrderItem } from './order-item.entity.js';
import { nextStatus, type OrderStatus, type OrderStep } from './order-state.js';
import { OrderTransition } from './order-transition.entity.js';
import { HOLD_EXPIRED, ORDER_NOT_CANCELLABLE, ORDER_NOT_HELD } from './orders.errors.js';
import type { Price, StoredAdjustment } from './pricing.js';

export interface NewOrder {
  id: string;
  eventId: string;
  currency: string;
  price: Price;
  customer: Customer;
  metadata: Record<string, string>;
  /** What extensions keep with it, by member. */
  extensions: Record<string, object>;
  items: ReadonlyArray<{ ticketTypeId: string; name: string; quantity: number; unitPriceAmount: number }>;
  /** When the hold ends; null: confirmed at once. */
  expiresAt: Date | null;
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

  /** As stored; see {@link statusAt} for what a hold past its time is. */
  @Property({ type: 'text' })
  status!: OrderStatus;

  @Property({ type: 'text' })
  currency!: string;

  /** Minor units: the sum of the items and the adjustments. */
  @Property({ type: new BigIntType('number') })
  totalAmount!: number;

  @Property({ type: 'json' })
  adjustments!: readonly StoredAdjustment[];

  /** Minor units: the sum of the adjustments. */
  @Property({ type: new BigIntType('number') })
  adjustmentAmount!: number;

  /** What extensions keep with it, by the member that shows it. */
  @Property({ type: 'json' })
  extensions!: Record<string, object>;

  @Property({ type: 'text' })
  customerEmail!: string;

  /** See {@link customerKeyOf}. */
  @Property({ type: 'text' })
  customerKey!: string;

  /** The signed-in customer who booked it for themselves (`sub`); null when somebody else booked it for the customer. */
  @Property({ type: 'text', nullable: true })
  customerSubject!: string | null;

  @Property({ type: 'text', nullable: true })
  customerName!: string | null;

  @Property({ type: 'json' })
  metadata!: Record<string, string>;

  /** When the hold ends, or ended; null on orders that are not held or expired. */
  @Property({ type: 'datetime', nullable: true })
  expiresAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  confirmedAt!: Date | null;

  @Property({ type: 'text', nullable: true })
  paymentReference!: string | null;

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

  /** The time of the database when the order was read: what its effective state is judged by. */
  @Formula(() => STATEMENT_TIME, { type: 'datetime' })
  readAt?: Date;

  @OneToMany(() => OrderItem, (item) => item.order, { orderBy: { position: 'asc' } })
  items = new Collection<OrderItem>(this);

  /** A new order, held or confirmed at once, and the first line of its history. */
  static book(from: NewOrder, occasion: Occasion): [Order, OrderTransition] {
    const step = from.expiresAt ? 'hold' : 'book';
    const order = new Order();
    Object.assign(order, {
      id: from.id,
      eventId: from.eventId,
      sequence: occasion.sequence,
      status: nextStatus('none', step),
      currency: from.currency,
      totalAmount: from.price.totalAmount,
      adjustments: from.price.adjustments,
      adjustmentAmount: from.price.adjustmentAmount,
      extensions: from.extensions,
      customerEmail: from.customer.email,
      customerKey: customerKeyOf(from.customer.email),
      customerSubject: from.customer.subject,
      customerName: from.customer.name,
      metadata: from.metadata,
      expiresAt: from.expiresAt,
      confirmedAt: from.expiresAt ? null : occasion.now,
      paymentReference: null,
      cancelledAt: null,
      cancelReason: null,
      version: 1,
      createdAt: occasion.now,
      updatedAt: occasion.now,
    });
    order.items.hydrate(
      from.items.map((line, position) => Object.assign(new OrderItem(), line, { order, eventId: from.eventId, position })),
    );
    return [order, order.transition(null, step, occasion, null)];
  }

  /** A hold is expired from the moment of its end, whether or not that is stored yet. */
  statusAt(now: Date): OrderStatus {
    return this.isOverdue(now) ? 'expired' : this.status;
  }

  /** A hold past its end that is not stored as expired yet. */
  isOverdue(now: Date): boolean {
    return this.status === 'held' && this.expiresAt! <= now;
  }

  /** Who counts as one customer, see {@link customerIdentity}. */
  get customerIdentity(): string {
    return customerIdentity({ email: this.customerEmail, subject: this.customerSubject });
  }

  /** The sum of the items, in minor units. */
  get subtotalAmount(): number {
    return this.totalAmount - this.adjustmentAmount;
  }

  get tickets(): number {
    return this.items.reduce((sum, { quantity }) => sum + quantity, 0);
  }

  /** @throws DomainError `hold-expired`, `order-not-held` */
  assertHeld(now: Date, shortages?: readonly unknown[]): void {
    const status = this.statusAt(now);
    if (status === 'held') return;
    if (status === 'expired') {
      throw new DomainError(HOLD_EXPIRED, `The hold ended at ${this.expiresAt!.toISOString()}.`, {
        expiresAt: this.expiresAt!.toISOString(),
        ...(shortages ? { shortages } : {}),
      });
    }
    throw new DomainError(ORDER_NOT_HELD, `The order is ${status}, not held.`, { orderStatus: status });
  }

  /** @throws DomainError `order-not-cancellable` */
  assertCancellable(now: Date): void {
    const status = this.statusAt(now);
    if (nextStatus(status, 'cancel') !== null) return;
    throw new DomainError(ORDER_NOT_CANCELLABLE, `An order that is ${status} cannot be cancelled.`, { orderStatus: status });
  }

  confirm(paymentReference: string | null, occasion: Occasion): OrderTransition {
    return this.becomeConfirmed('confirm', paymentReference, occasion);
  }

  /** Takes the tickets of an expired hold again. */
  revive(paymentReference: string | null, occasion: Occasion): OrderTransition {
    return this.becomeConfirmed('revive', paymentReference, occasion);
  }

  extend(expiresAt: Date, occasion: Occasion): OrderTransition {
    const from = this.move('extend', occasion.now);
    this.expiresAt = expiresAt;
    return this.transition(from, 'extend', occasion, null);
  }

  /** Takes effect at `expiresAt`, so what is stored then is what was shown since. */
  expire(occasion: Occasion): OrderTransition {
    const from = this.move('expire', this.expiresAt!);
    return this.transition(from, 'expire', occasion, null);
  }

  /** Gives all tickets back. */
  cancel(reason: string | null, occasion: Occasion): OrderTransition {
    const from = this.move('cancel', occasion.now);
    this.expiresAt = null;
    this.cancelledAt = occasion.now;
    this.cancelReason = reason;
    return this.transition(from, 'cancel', occasion, reason);
  }

  /**
   * Gives some tickets back. A line whose last ticket goes is removed; at least one ticket must stay.
   * @param price of what is left
   */
  cancelPartly(
    quantities: ReadonlyMap<string, number>,
    price: Price,
    reason: string | null,
    occasion: Occasion,
  ): OrderTransition {
    const from = this.move('cancel-partly', occasion.now);
    for (const item of this.items) item.quantity -= quantities.get(item.ticketTypeId) ?? 0;
    this.items.hydrate(this.items.getItems().filter(({ quantity }) => quantity > 0));
    this.totalAmount = price.totalAmount;
    this.adjustments = price.adjustments;
    this.adjustmentAmount = price.adjustmentAmount;
    return this.transition(from, 'cancel-partly', occasion, reason);
  }

  private becomeConfirmed(step: 'confirm' | 'revive', paymentReference: string | null, occasion: Occasion): OrderTransition {
    const from = this.move(step, occasion.now);
    this.expiresAt = null;
    this.confirmedAt = occasion.now;
    this.paymentReference = paymentReference;
    return this.transition(from, step, occasion, null);
  }

  private move(step: OrderStep, at: Date): OrderStatus {
    const from = this.status;
    const to = nextStatus(from, step);
    if (to === null) throw new Error(`Order ${this.id} is ${from}, which does not allow ${step}`);
    this.status = to;
    this.version += 1;
    this.updatedAt = at;
    return from;
  }

  private transition(from: OrderStatus | null, step: OrderStep, occasion: Occasion, reason: string | null): OrderTransition {
    return Object.assign(new OrderTransition(), {
      eventId: this.eventId,
      sequence: occasion.sequence,
      orderId: this.id,
      fromStatus: from,
      step,
      toStatus: this.status,
      at: occasion.now,
      actor: occasion.actor,
      reason,
    });
  }
}
