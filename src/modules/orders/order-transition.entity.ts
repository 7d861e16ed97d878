import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import type { OrderStatus, OrderStep } from './order-state.js';

/** One line of the history of an order. */
@Entity({ tableName: 'order_history' })
export class OrderTransition {
  @PrimaryKey({ type: 'uuid' })
  eventId!: string;

  /** The event's next number; without gaps. */
  @PrimaryKey({ type: 'integer' })
  sequence!: number;

  @Property({ type: 'uuid' })
  orderId!: string;

  /** Null for the booking itself. */
  @Property({ type: 'text', nullable: true })
  fromStatus!: OrderStatus | null;

  @Property({ type: 'text' })
  step!: OrderStep;

  @Property({ type: 'text' })
  toStatus!: OrderStatus;

  @Property({ type: 'datetime' })
  at!: Date;

  @Property({ type: 'text' })
  actor!: string;

  @Property({ type: 'text', nullable: true })
  reason!: string | null;
}
