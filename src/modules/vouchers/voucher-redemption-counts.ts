import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { type CountDrift, KeepsCounts, type KeptCounts, STATEMENT_TIME } from '../../extension.js';
import { CUSTOMER_HASH } from './customer-hash.js';

const IS_ITS_ORDER = sql.raw(
  `o.event_id = v.event_id and o.extensions -> 'voucher' ->> 'voucherId' = v.id::text and o.status in ('held', 'confirmed')`,
);

interface Row {
  id: string;
  code: string;
  redemptions: number;
  max_redemptions: number | null;
  /** Rows of `voucher_redemptions` that have a live order. */
  kept: number;
  all_kept: number;
  /** Live orders. */
  counted: number;
}

/** A voucher has as many redemptions, and rows of them, as held and confirmed orders that it made cheaper. */
@KeepsCounts()
export class VoucherRedemptionCounts implements KeptCounts {
  readonly kind = 'voucher';

  async find(em: EntityManager, eventId: string, limit: number): Promise<CountDrift[]> {
    const { rows } = await sql<Row>`/* reconcile-vouchers */
      select * from (
        select v.id, v.code, v.redemptions, v.max_redemptions, count(o.id)::integer as counted, count(r.order_id)::integer as kept,
               (select count(*)::integer from voucher_redemptions a where a.event_id = v.event_id and a.voucher_id = v.id) as all_kept
          from vouchers v
          left join orders o on ${IS_ITS_ORDER}
          left join voucher_redemptions r on r.order_id = o.id and r.event_id = o.event_id and r.voucher_id = v.id
         where v.event_id = ${eventId}
         group by v.id, v.event_id
      ) counted
      where redemptions <> counted or kept <> counted or all_kept <> counted
      order by coalesce(counted > max_redemptions, false), id limit ${limit}
    `.execute(em.getKysely());
    return rows.map(toDrift);
  }

  async repair(em: EntityManager, eventId: string, { targetId }: CountDrift): Promise<void> {
    await sql`
      delete from voucher_redemptions r using vouchers v
       where v.event_id = ${eventId} and v.id = ${targetId} and r.event_id = v.event_id and r.voucher_id = v.id
         and not exists (select from orders o where o.id = r.order_id and ${IS_ITS_ORDER})
    `.execute(em.getKysely());
    await sql`
      insert into voucher_redemptions (order_id, event_id, voucher_id, customer_hash)
      select o.id, o.event_id, v.id, ${CUSTOMER_HASH} from vouchers v join orders o on ${IS_ITS_ORDER}
       where v.event_id = ${eventId} and v.id = ${targetId}
      on conflict (order_id, event_id) do update set voucher_id = excluded.voucher_id
    `.execute(em.getKysely());
    await sql`
      update vouchers v
         set redemptions = (select count(*) from voucher_redemptions r where r.event_id = v.event_id and r.voucher_id = v.id),
             version = version + 1, updated_at = greatest(updated_at, ${sql.raw(STATEMENT_TIME)})
       where event_id = ${eventId} and id = ${targetId}
    `.execute(em.getKysely());
  }
}

function toDrift({ id, code, redemptions, kept, all_kept: allKept, counted, max_redemptions: max }: Row): CountDrift {
  const stored = { redemptions, redemptionRows: kept === counted ? allKept : kept };
  const wrong = Object.entries(stored).filter(([, number]) => number !== counted);
  return {
    targetId: id,
    name: code,
    stored: Object.fromEntries(wrong),
    counted: Object.fromEntries(wrong.map(([what]) => [what, counted])),
    obstacle: max !== null && counted > max ? `maxRedemptions of ${max} is less than that` : null,
  };
}
