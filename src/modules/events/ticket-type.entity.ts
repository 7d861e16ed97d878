import { BigIntType } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { DomainError } from '../../platform/errors/domain-error.js';
import { validationFailed } from '../../platform/errors/platform.errors.js';
import { changed } from './changes.js';
import { assertSalesWindow, Event } from './event.entity.js';
import { CAPACITY_BELOW_COMMITTED } from './events.errors.js';

export const MAX_PER_ORDER = 100;

export interface TicketTypeDetails {
  name: string;
  description: string | null;
  priceAmount: number;
  capacity: number;
  salesOpenAt: Date | null;
  salesCloseAt: Date | null;
  minPerOrder: number;
  maxPerOrder: number;
}

/** The two counters of taken tickets. */
export type Counter = 'held' | 'sold';

@Entity({ tableName: 'ticket_types' })
export class TicketType implements TicketTypeDetails {
  @ManyToOne(() => Event, { primary: true, mapToPk: true, fieldName: 'event_id' })
  eventId!: string;

  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'text' })
  name!: string;

  @Property({ type: 'text', nullable: true })
  description!: string | null;

  @Property({ type: 'text' })
  currency!: string;

  /** Minor units. */
  @Property({ type: new BigIntType('number') })
  priceAmount!: number;

  @Property({ type: 'integer' })
  capacity!: number;

  /** Tickets in held orders. Written only by `turn-writer.ts`, as a difference, under the event lock. */
  @Property({ type: 'integer' })
  held!: number;

  /** Tickets in confirmed orders. Written like {@link held}. */
  @Property({ type: 'integer' })
  sold!: number;

  @Property({ type: 'datetime', nullable: true })
  salesOpenAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  salesCloseAt!: Date | null;

  @Property({ type: 'integer' })
  minPerOrder!: number;

  @Property({ type: 'integer' })
  maxPerOrder!: number;

  @Property({ type: 'integer' })
  version!: number;

  @Property({ type: 'datetime' })
  createdAt!: Date;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  /** @throws DomainError `validation-failed` */
  static of(event: Event, id: string, details: TicketTypeDetails, now: Date): TicketType {
    assertDetails(details);
    const ticketType = new TicketType();
    Object.assign(ticketType, details, {
      eventId: event.id,
      id,
      currency: event.currency,
      held: 0,
      sold: 0,
      version: 1,
      createdAt: now,
      updatedAt: now,
    });
    return ticketType;
  }

  get available(): number {
    return this.capacity - this.held - this.sold;
  }

  /** @throws DomainError `capacity-below-committed`, `validation-failed` */
  change(changes: Partial<TicketTypeDetails>, now: Date): void {
    assertDetails({
      salesOpenAt: changed(changes.salesOpenAt, this.salesOpenAt),
      salesCloseAt: changed(changes.salesCloseAt, this.salesCloseAt),
      minPerOrder: changes.minPerOrder ?? this.minPerOrder,
      maxPerOrder: changes.maxPerOrder ?? this.maxPerOrder,
    });
    const capacity = changes.capacity ?? this.capacity;
    const committed = this.held + this.sold;
    if (capacity < committed) {
      throw new DomainError(
        CAPACITY_BELOW_COMMITTED,
        `${committed} tickets are held or sold, so the capacity cannot be ${capacity}.`,
        { committed },
      );
    }
    Object.assign(this, changes);
    this.version += 1;
    this.updatedAt = now;
  }
}

function assertDetails(details: Pick<TicketTypeDetails, 'salesOpenAt' | 'salesCloseAt' | 'minPerOrder' | 'maxPerOrder'>): void {
  assertSalesWindow(details);
  if (details.minPerOrder > details.maxPerOrder) {
    throw validationFailed([{ pointer: '/minPerOrder', detail: 'minPerOrder must not be over maxPerOrder' }]);
  }
}
