import type { EntityManager } from '@mikro-orm/postgresql';
import { TicketType } from './ticket-type.entity.js';

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
