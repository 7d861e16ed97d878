import { formatTime } from '../../platform/http/times.js';
import type { Event } from './event.entity.js';
import type { EventDto } from './events.dto.js';
import type { TicketTypeDto } from './ticket-types.dto.js';
import type { TicketType } from './ticket-type.entity.js';

export function toTicketTypeDto(ticketType: TicketType): TicketTypeDto {
  return {
    id: ticketType.id,
    eventId: ticketType.eventId,
    name: ticketType.name,
    description: ticketType.description,
    price: { amount: ticketType.priceAmount, currency: ticketType.currency },
    capacity: ticketType.capacity,
    salesOpenAt: formatTime(ticketType.salesOpenAt),
    salesCloseAt: formatTime(ticketType.salesCloseAt),
    minPerOrder: ticketType.minPerOrder,
    maxPerOrder: ticketType.maxPerOrder,
    version: ticketType.version,
    createdAt: formatTime(ticketType.createdAt),
    updatedAt: formatTime(ticketType.updatedAt),
  };
}

export function toEventDto(event: Event, ticketTypes: readonly TicketType[]): EventDto {
  return {
    id: event.id,
    name: event.name,
    description: event.description,
    venue: event.venue,
    startsAt: formatTime(event.startsAt),
    endsAt: formatTime(event.endsAt),
    timeZone: event.timeZone,
    currency: event.currency,
    status: event.status,
    salesOpenAt: formatTime(event.salesOpenAt),
    salesCloseAt: formatTime(event.salesCloseAt),
    maxTicketsPerCustomer: event.maxTicketsPerCustomer,
    metadata: event.metadata,
    ticketTypes: ticketTypes.map(toTicketTypeDto),
    version: event.version,
    createdAt: formatTime(event.createdAt),
    updatedAt: formatTime(event.updatedAt),
  };
}
