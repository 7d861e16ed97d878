import { createHash } from 'node:crypto';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { STATEMENT_TIME } from '../../platform/database/clock.js';
import { formatTime } from '../../platform/http/times.js';
import { saleRefusal, salesWindowRefusal } from './event.entity.js';
import type { AvailabilityDto, TicketTypeAvailabilityDto } from './availability.dto.js';
import { eventNotFound } from './events.errors.js';
import type { EventStatus } from './event-status.js';

type Nullable<T> = { [K in keyof T]: T[K] | null };

interface EventRow {
  now: string;
  event_id: string;
  sequence: number;
  status: EventStatus;
  is_public: boolean;
  starts_at: string;
  sales_open_at: string | null;
  sales_close_at: string | null;
}

interface TicketTypeRow {
  id: string;
  name: string;
  capacity: number;
  held: number;
  sold: number;
  type_sales_open_at: string | null;
  type_sales_close_at: string | null;
}

export interface Availability {
  /** The event's sequence at that moment. */
  sequence: number;
  /** Changes when anything but the moment changes; in quotes. */
  etag: string;
  body: AvailabilityDto;
  /** Whether everybody may know the event. */
  isPublic: boolean;
}

@Injectable()
export class AvailabilityService {
  constructor(private readonly em: EntityManager) {}

  /**
   * @param seesDrafts whether events that were never published may be known
   * @throws DomainError `event-not-found`
   */
  async get(eventId: string, seesDrafts: boolean): Promise<Availability> {
    const [availability] = await this.read([eventId]);
    if (!availability || !(seesDrafts || availability.isPublic)) throw eventNotFound(eventId);
    return availability;
  }

  /**
   * What is left of the ticket types of each event that there is. One statement, so that all the numbers are of one moment.
   * Tickets of holds past their end are available, whether or not their expiry is stored yet.
   */
  async read(eventIds: readonly string[]): Promise<Availability[]> {
    const now = sql.raw(STATEMENT_TIME);
    const { rows } = await sql<EventRow & Nullable<TicketTypeRow>>`
      select ${now} as now, e.id as event_id, e.sequence, e.status, e.published_at is not null as is_public, e.starts_at, e.sales_open_at, e.sales_close_at,
             t.id, t.name, t.capacity, t.held - coalesce(overdue.tickets, 0) as held, t.sold,
             t.sales_open_at as type_sales_open_at, t.sales_close_at as type_sales_close_at
        from events e
        left join ticket_types t on t.event_id = e.id
        left join (
          select i.event_id, i.ticket_type_id, sum(i.quantity)::integer as tickets
            from orders o join order_items i on i.order_id = o.id and i.event_id = o.event_id
           where o.event_id = any(${eventIds}::uuid[]) and o.status = 'held' and o.expires_at <= ${now}
           group by i.event_id, i.ticket_type_id
        ) overdue on overdue.event_id = t.event_id and overdue.ticket_type_id = t.id
       where e.id = any(${eventIds}::uuid[])
       order by e.id, t.created_at, t.id
    `.execute(this.em.fork().getKysely());
    return [...Map.groupBy(rows, (row) => row.event_id).values()].map(toAvailability);
  }
}

function toAvailability(rows: ReadonlyArray<EventRow & Nullable<TicketTypeRow>>): Availability {
  const event = rows[0]!;
  const now = new Date(event.now);
  const sale = {
    status: event.status,
    startsAt: new Date(event.starts_at),
    salesOpenAt: toTime(event.sales_open_at),
    salesCloseAt: toTime(event.sales_close_at),
  };
  const eventOnSale = saleRefusal(sale, now) === null;
  const ticketTypes = rows
    .filter((row): row is EventRow & TicketTypeRow => row.id !== null)
    .map((row) => toTicketTypeAvailability(row, eventOnSale, now));
  const digest = createHash('sha256').update(JSON.stringify(ticketTypes)).digest('base64url').slice(0, 22);
  return {
    sequence: event.sequence,
    isPublic: event.is_public,
    etag: `"${digest}"`,
    body: { eventId: event.event_id, asOf: formatTime(now), ticketTypes },
  };
}

function toTicketTypeAvailability(row: TicketTypeRow, eventOnSale: boolean, now: Date): TicketTypeAvailabilityDto {
  const window = { salesOpenAt: toTime(row.type_sales_open_at), salesCloseAt: toTime(row.type_sales_close_at) };
  return {
    ticketTypeId: row.id,
    name: row.name,
    capacity: row.capacity,
    held: row.held,
    sold: row.sold,
    available: row.capacity - row.held - row.sold,
    onSale: eventOnSale && salesWindowRefusal(window, now) === null,
  };
}

function toTime(value: string | null): Date | null {
  return value === null ? null : new Date(value);
}
