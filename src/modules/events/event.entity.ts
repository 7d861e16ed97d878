import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { DomainError } from '../../platform/errors/domain-error.js';
import { validationFailed } from '../../platform/errors/platform.errors.js';
import { changed } from './changes.js';
import type { EventStatus } from './event-status.js';
import { INVALID_TRANSITION, type NotOnSaleReason } from './events.errors.js';

/** What an organiser says about an event. */
export interface EventDetails {
  name: string;
  description: string | null;
  venue: string | null;
  startsAt: Date;
  endsAt: Date | null;
  timeZone: string;
  salesOpenAt: Date | null;
  salesCloseAt: Date | null;
  maxTicketsPerCustomer: number | null;
  metadata: Record<string, string>;
}

@Entity({ tableName: 'events' })
export class Event implements EventDetails {
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'text' })
  name!: string;

  @Property({ type: 'text', nullable: true })
  description!: string | null;

  @Property({ type: 'text', nullable: true })
  venue!: string | null;

  @Property({ type: 'datetime' })
  startsAt!: Date;

  @Property({ type: 'datetime', nullable: true })
  endsAt!: Date | null;

  @Property({ type: 'text' })
  timeZone!: string;

  @Property({ type: 'text' })
  currency!: string;

  @Property({ type: 'text' })
  status!: EventStatus;

  /** When it was published first; null: it was always a draft, which not everybody may know of. */
  @Property({ type: 'datetime', nullable: true })
  publishedAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  salesOpenAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  salesCloseAt!: Date | null;

  @Property({ type: 'integer', nullable: true })
  maxTicketsPerCustomer!: number | null;

  @Property({ type: 'json' })
  metadata!: Record<string, string>;

  /** Cancelled, and its orders are not all cancelled yet. */
  @Property({ type: 'boolean' })
  hasOrdersToCancel!: boolean;

  /** Number of the last line of history of its orders. */
  @Property({ type: 'integer' })
  sequence!: number;

  /** Grows with each change of the event or of the definition of its ticket types, not with sales. */
  @Property({ type: 'integer' })
  version!: number;

  @Property({ type: 'datetime' })
  createdAt!: Date;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  /** A new draft. @throws DomainError `validation-failed` when a time window is empty */
  static draft(id: string, currency: string, details: EventDetails, now: Date): Event {
    assertWindows(details);
    const event = new Event();
    Object.assign(event, details, {
      id,
      currency,
      status: 'draft',
      publishedAt: null,
      hasOrdersToCancel: false,
      sequence: 0,
      version: 1,
      createdAt: now,
      updatedAt: now,
    });
    return event;
  }

  /** @throws DomainError `invalid-transition` on a cancelled event, `validation-failed` when a time window becomes empty */
  change(changes: Partial<EventDetails>, now: Date): void {
    this.assertNotCancelled('changed');
    assertWindows({
      startsAt: changes.startsAt ?? this.startsAt,
      endsAt: changed(changes.endsAt, this.endsAt),
      salesOpenAt: changed(changes.salesOpenAt, this.salesOpenAt),
      salesCloseAt: changed(changes.salesCloseAt, this.salesCloseAt),
    });
    Object.assign(this, changes);
    this.touch(now);
  }

  /**
   * Again on a published event: no change.
   * @returns whether it changed
   * @throws DomainError `invalid-transition` on a cancelled event
   */
  publish(now: Date): boolean {
    if (this.status === 'published') return false;
    this.assertNotCancelled('published');
    this.status = 'published';
    this.publishedAt = now;
    this.touch(now);
    return true;
  }

  /**
   * Takes the event off sale for good; its orders are to be cancelled next. Again: no change.
   * @returns whether it changed
   */
  cancel(now: Date): boolean {
    if (this.status === 'cancelled') return false;
    this.status = 'cancelled';
    this.hasOrdersToCancel = true;
    this.touch(now);
    return true;
  }

  /** @throws DomainError `invalid-transition` */
  assertNotCancelled(verb: string): void {
    if (this.status !== 'cancelled') return;
    throw new DomainError(INVALID_TRANSITION, `A cancelled event cannot be ${verb}.`, { eventStatus: this.status });
  }

  /** The next number of the event's history. Call it only while the row is locked. */
  nextSequence(): number {
    return ++this.sequence;
  }

  touch(now: Date): void {
    this.version += 1;
    this.updatedAt = now;
  }
}

interface SalesWindow {
  salesOpenAt: Date | null;
  salesCloseAt: Date | null;
}

export function salesWindowRefusal(window: SalesWindow, now: Date): 'before-sales-open' | 'after-sales-close' | null {
  if (window.salesOpenAt && now < window.salesOpenAt) return 'before-sales-open';
  if (window.salesCloseAt && now >= window.salesCloseAt) return 'after-sales-close';
  return null;
}

/** Why nothing of this event can be bought at this moment; null when it can. */
export function saleRefusal(event: Pick<Event, 'status' | 'startsAt'> & SalesWindow, now: Date): NotOnSaleReason | null {
  if (event.status !== 'published') return event.status;
  if (now >= event.startsAt) return 'event-started';
  return salesWindowRefusal(event, now);
}

/** @throws DomainError `validation-failed` */
export function assertSalesWindow({ salesOpenAt, salesCloseAt }: SalesWindow): void {
  if (salesOpenAt && salesCloseAt && salesCloseAt <= salesOpenAt) {
    throw validationFailed([{ pointer: '/salesCloseAt', detail: 'salesCloseAt must be after salesOpenAt' }]);
  }
}

function assertWindows(details: Pick<EventDetails, 'startsAt' | 'endsAt'> & SalesWindow): void {
  if (details.endsAt && details.endsAt <= details.startsAt) {
    throw validationFailed([{ pointer: '/endsAt', detail: 'endsAt must be after startsAt' }]);
  }
  assertSalesWindow(details);
}
