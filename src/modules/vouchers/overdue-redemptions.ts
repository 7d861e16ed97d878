import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { STATEMENT_TIME } from '../../extension.js';

/** Redemptions of a voucher by holds past their end, whose expiry nobody has stored yet. */
export interface Overdue {
  count: number;
  lastEndedAt: Date;
}

/** Those of the event, by voucher. Found by its holds: they are few, where a voucher may have any number of redemptions. */
export async function overdueRedemptions(em: EntityManager, eventId: string): Promise<Map<string, Overdue>> {
  const { rows } = await sql<{ voucher_id: string; count: number; last_ended_at: string }>`
    select r.voucher_id, count(*)::integer as count, max(o.expires_at) as last_ended_at
      from orders o join voucher_redemptions r on r.order_id = o.id and r.event_id = o.event_id
     where o.event_id = ${eventId} and o.status = 'held' and o.expires_at <= ${sql.raw(STATEMENT_TIME)}
     group by r.voucher_id
  `.execute(em.getKysely());
  return new Map(
    rows.map(({ voucher_id: id, count, last_ended_at: endedAt }) => [id, { count, lastEndedAt: new Date(endedAt) }]),
  );
}
