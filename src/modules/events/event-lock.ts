import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import { Event } from './event.entity.js';
import { eventNotFound } from './events.errors.js';

/**
 * Locks the event row until the end of the transaction. Every change of an event, its ticket types, its orders or its
 * counts takes this lock first, and reads what it decides on afterwards.
 * @throws DomainError `event-not-found`
 */
export async function lockEvent(em: EntityManager, eventId: string): Promise<Event> {
  const event = await em.findOne(Event, eventId, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (!event) throw eventNotFound(eventId);
  return event;
}
