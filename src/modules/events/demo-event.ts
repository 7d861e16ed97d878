import type { EntityManager } from '@mikro-orm/postgresql';
import { databaseNow } from '../../platform/database/clock.js';
import { DEMO } from './demo-ids.js';
import { Event } from './event.entity.js';
import { TicketType } from './ticket-type.entity.js';

const DAY_MS = 86_400_000;

/**
 * Puts a published event with three ticket types into a database that has no event.
 * @returns whether it did
 */
export async function seedDemoEvent(em: EntityManager): Promise<boolean> {
  return em.fork().transactional(async (tx) => {
    if ((await tx.count(Event)) > 0) return false;
    const now = await databaseNow(tx);
    const startsAt = new Date(Math.ceil(now.getTime() / DAY_MS + 200) * DAY_MS + 18 * 3_600_000);
    const event = Event.draft(
      DEMO.eventId,
      'EUR',
      {
        name: 'Midsummer Night Concert',
        description: 'Two sets under the open sky.',
        venue: 'Harbour Stage',
        startsAt,
        endsAt: new Date(startsAt.getTime() + 4 * 3_600_000),
        timeZone: 'Europe/Berlin',
        salesOpenAt: null,
        salesCloseAt: null,
        maxTicketsPerCustomer: null,
        metadata: { demo: 'true' },
      },
      now,
    );
    event.publish(now);
    const ticketType = (id: string, name: string, priceAmount: number, capacity: number, maxPerOrder: number) =>
      TicketType.of(
        event,
        id,
        { name, description: null, priceAmount, capacity, salesOpenAt: null, salesCloseAt: null, minPerOrder: 1, maxPerOrder },
        now,
      );
    tx.persist([
      event,
      ticketType(DEMO.standardId, 'Standard', 4_500, 1_000, 10),
      ticketType(DEMO.balconyId, 'Balcony', 6_500, 200, 10),
      ticketType(DEMO.vipId, 'VIP', 15_000, 20, 4),
    ]);
    return true;
  });
}
