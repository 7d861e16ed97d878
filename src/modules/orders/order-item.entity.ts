import { BigIntType } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Order } from './order.entity.js';

/** One line of an order; name and price are what they were when it was booked. */
@Entity({ tableName: 'order_items' })
export class OrderItem {
  @ManyToOne(() => Order, { primary: true, fieldName: 'order_id' })
  order!: Order;

  @PrimaryKey({ type: 'uuid' })
  ticketTypeId!: string;

  @Property({ type: 'uuid' })
  eventId!: string;

  @Property({ type: 'smallint' })
  position!: number;

  @Property({ type: 'text' })
  name!: string;

  @Property({ type: 'integer' })
  quantity!: number;

  /** Minor units. */
  @Property({ type: new BigIntType('number') })
  unitPriceAmount!: number;
}
