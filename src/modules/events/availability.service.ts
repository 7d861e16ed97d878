import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { DATABASE_NOW } from '../../platform/database/clock.js';
import { formatTime } from '../../platform/http/times.js';
import { saleRefusal, salesWindowRefusal } from './event.entity.js';
import type { AvailabilityDto, TicketTypeAvailabilityDto } from './availability.dto.js';
import { eventNotFound } from './events.errors.js';
import type { EventStatus } from './event-status.js';

type Nullable<T> = { [K in keyof T]: T[K] | null };

interface EventRow {
  now: string;
  status: EventStatus;
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

@Injectable()
export class AvailabilityService {
  constructor(private readonly em: EntityManager) {}

  /** What is left of each ticket type. One statement, so that all the numbers are of one moment. */
  async get(eventId: string): Promise<AvailabilityDto> {
    const rows = await this.em.fork().execute<Array<EventRow & Nullable<TicketTypeRow>>>(
      `select ${DATABASE_NOW} as now, e.status, e.starts_at, e.sales_open_at, e.sales_close_at,
              t.id, t.name, t.capacity, t.held, t.sold,
              t.sales_open_at as type_sales_open_at, t.sales_close_at as type_sales_close_at
         from events e left join ticket_types t on t.event_id = e.id
        where e.id = ? order by t.created_at, t.id`,
      [eventId],
    );
    const event = rows[0];
    if (!event) throw eventNotFound(eventId);
    const now = new Date(event.now);
    const eventOnSale = saleRefusal(toSale(event), now) === null;
    return {
      eventId,
      asOf: formatTime(now),
      ticketTypes: rows
        .filter((row): row is EventRow & TicketTypeRow => row.id !== null)
        .map((row) => toAvailability(row, eventOnSale, now)),
    };
  }
}

function toSale(row: EventRow) {
  return {
    status: row.status,
    startsAt: new Date(row.starts_at),
    salesOpenAt: toTime(row.sales_open_at),
    salesCloseAt: toTime(row.sales_close_at),
  };
}

function toAvailability(row: TicketTypeRow, eventOnSale: boolean, now: Date): TicketTypeAvailabilityDto {
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
