import type { EntityManager } from '@mikro-orm/postgresql';
import { Event } from './event.entity.js';
import { eventNotFound } from './events.errors.js';
import { TicketType } from './ticket-type.entity.js';

/** What everybody may know: events that are published, or were until they were cancelled. */
export const PUBLIC = { publishedAt: { $ne: null } } as const;

/** @throws DomainError `event-not-found`, for a draft too */
export async function assertPublic(em: EntityManager, eventId: string): Promise<void> {
  if ((await em.count(Event, { id: eventId, ...PUBLIC })) === 0) throw eventNotFound(eventId);
}

/**
 * The ticket types of these events, in the order in which they were created. They are not managed by `em`: a flush would
 * write counters that a turn has changed in memory as absolute values, beside the differences that its writer wrote.
 */
export async function ticketTypesOf(em: EntityManager, eventIds: string[]): Promise<TicketType[]> {
  if (eventIds.length === 0) return [];
  return em.find(
    TicketType,
    { eventId: { $in: eventIds } },
    { orderBy: { createdAt: 'asc', id: 'asc' }, disableIdentityMap: true },
  );
}
