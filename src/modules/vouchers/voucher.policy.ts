import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import {
  type Adjustment,
  type BookingPolicy,
  type BookingRequest,
  DomainError,
  ExtendsBooking,
  type OrderChange,
  type OrderToPrice,
  type OrderTransitionListener,
  type OrderView,
  type PriceAdjustment,
  type TurnToLoad,
} from '../../extension.js';
import { hashOfCustomer } from './customer-hash.js';
import { discountOf } from './voucher-discount.js';
import { codeKeysOf } from './voucher.entity.js';
import { toDiscountDto } from './voucher.mapper.js';
import { OrderVoucherDto, VoucherBookingDto } from './vouchers.dto.js';
import { VOUCHER_CUSTOMER_LIMIT, VOUCHER_EXHAUSTED, VOUCHER_NOT_VALID } from './vouchers.errors.js';

interface LoadedVoucher {
  id: string;
  code: string;
  code_key: string;
  percent: number | null;
  amount: number | null;
  currency: string;
  ticket_type_ids: string[] | null;
  starts_at: string | null;
  ends_at: string | null;
  max_redemptions: number | null;
  max_per_customer: number | null;
  redemptions: number;
}

/** The vouchers that a transaction is about, and how they stand in the middle of it. */
class Vouchers {
  private readonly byCode: ReadonlyMap<string, LoadedVoucher>;
  readonly byId: ReadonlyMap<string, LoadedVoucher>;

  constructor(
    rows: readonly LoadedVoucher[],
    private readonly ofCustomers: Map<string, number>,
  ) {
    this.byCode = new Map(rows.map((row) => [row.code_key, row]));
    this.byId = new Map(rows.map((row) => [row.id, row]));
  }

  named(code: string): LoadedVoucher | undefined {
    return codeKeysOf(code)
      .map((key) => this.byCode.get(key))
      .find((found) => found !== undefined);
  }

  redemptionsOf(voucherId: string, customerHash: string): number {
    return this.ofCustomers.get(`${voucherId} ${customerHash}`) ?? 0;
  }

  count(voucherId: string, customerHash: string, change: number): void {
    const voucher = this.byId.get(voucherId);
    if (voucher) voucher.redemptions += change;
    this.ofCustomers.set(`${voucherId} ${customerHash}`, this.redemptionsOf(voucherId, customerHash) + change);
  }
}

const OVERDUE_MAX = 500;

const voucherOf = (order: OrderView | null) => order?.extensions['voucher'] as OrderVoucherDto | undefined;
const codeOf = (request: BookingRequest) => request.body(VoucherBookingDto)?.voucherCode || undefined;

/** Which live order uses which voucher: counted under the event lock, and a CHECK constraint counts again. */
@ExtendsBooking({
  name: 'vouchers',
  body: VoucherBookingDto,
  orderMember: { name: 'voucher', type: OrderVoucherDto, description: 'The voucher that made it cheaper; absent without one.' },
  problems: [VOUCHER_NOT_VALID, VOUCHER_EXHAUSTED, VOUCHER_CUSTOMER_LIMIT],
})
export class VoucherPolicy
  implements BookingPolicy<Vouchers, OrderVoucherDto>, PriceAdjustment<OrderVoucherDto>, OrderTransitionListener<Vouchers>
{
  /** Holds past their end that still count where nothing is left. */
  async overdueHolds(em: EntityManager, { event, now, requests }: TurnToLoad): Promise<string[]> {
    const { codes, ids } = namedBy(requests);
    if (codes.length + ids.length === 0) return [];
    const { rows } = await sql<{ order_id: string }>`/* overdue-redemptions */
      select r.order_id
        from orders o
        join voucher_redemptions r on r.order_id = o.id and r.event_id = o.event_id
        join vouchers v on v.id = r.voucher_id and v.event_id = r.event_id
       where o.event_id = ${event.id} and o.status = 'held' and o.expires_at <= ${now}
         and (v.code_key = any(${codes}::text[]) or v.id = any(${ids}::uuid[]))
         and (v.max_per_customer is not null or v.redemptions + ${requests.length}::integer > v.max_redemptions)
       order by o.expires_at limit ${OVERDUE_MAX}
    `.execute(em.getKysely());
    return rows.map(({ order_id: orderId }) => orderId);
  }

  async load(em: EntityManager, { event, requests }: TurnToLoad): Promise<Vouchers> {
    const { codes, ids } = namedBy(requests);
    if (codes.length + ids.length === 0) return new Vouchers([], new Map());
    const customers = [...new Set(requests.map(({ customerIdentity }) => hashOfCustomer(customerIdentity)))];
    const { rows } = await sql<{ vouchers: LoadedVoucher[]; of_customers: Array<[string, number]> }>`/* load-vouchers */
      with named as materialized (
        select * from vouchers
         where event_id = ${event.id} and (code_key = any(${codes}::text[]) or id = any(${ids}::uuid[]))
      )
      select coalesce((select json_agg(n) from named n), '[]') as vouchers,
             coalesce((
               select json_agg(json_build_array(voucher_id || ' ' || customer_hash, count))
                 from (select voucher_id, customer_hash, count(*)::integer as count
                         from voucher_redemptions
                        where voucher_id in (select id from named where max_per_customer is not null)
                          and customer_hash = any(${customers}::text[])
                        group by voucher_id, customer_hash) used
             ), '[]') as of_customers
    `.execute(em.getKysely());
    return new Vouchers(rows[0]!.vouchers, new Map(rows[0]!.of_customers));
  }

  decide(request: BookingRequest, vouchers: Vouchers): OrderVoucherDto | undefined {
    const code = codeOf(request);
    const kept = voucherOf(request.order);
    if (code === undefined && !kept) return undefined;
    const voucher = kept ? vouchers.byId.get(kept.voucherId) : vouchers.named(code!);
    // An order that is revived was promised its price; only what others took meanwhile is gone.
    if (!voucher || (!kept && !isValid(voucher, request))) {
      throw new DomainError(VOUCHER_NOT_VALID, VOUCHER_NOT_VALID.example.detail);
    }
    assertLeft(voucher, vouchers.redemptionsOf(voucher.id, hashOfCustomer(request.customerIdentity)));
    return kept ?? toOrderVoucher(voucher);
  }

  adjust(order: OrderToPrice, voucher: OrderVoucherDto | undefined): Adjustment[] {
    return voucher ? discountOf(order, voucher) : [];
  }

  decided({ order, transition }: OrderChange, vouchers: Vouchers): void {
    const voucher = voucherOf(order);
    if (voucher) vouchers.count(voucher.voucherId, hashOfCustomer(order.customerIdentity), CHANGE_OF[transition.step]);
  }

  async write(em: EntityManager, changes: readonly OrderChange[]): Promise<void> {
    const byOrder = new Map<string, { order: OrderView; change: number; steps: number; at: Date }>();
    for (const { order, transition } of changes) {
      const step = CHANGE_OF[transition.step];
      if (!voucherOf(order) || step === 0) continue;
      const { change = 0, steps = 0 } = byOrder.get(order.id) ?? {};
      byOrder.set(order.id, { order, change: change + step, steps: steps + 1, at: timeOf({ order, transition }) });
    }
    const rows = [...byOrder.values()].map(({ order, ...counted }) => ({
      order_id: order.id,
      event_id: order.eventId,
      voucher_id: voucherOf(order)!.voucherId,
      customer_hash: hashOfCustomer(order.customerIdentity),
      ...counted,
    }));
    // All of one event. Named beside the join, so that each change is for one partition.
    const eventId = rows[0]?.event_id;
    if (eventId === undefined) return;
    await sql`/* write-redemptions */
      with changes as materialized (
        select * from json_to_recordset(${JSON.stringify(rows)}::json)
                      as c (order_id uuid, event_id uuid, voucher_id uuid, customer_hash text, change integer, steps integer, at timestamptz)
      ), given_back as (
        delete from voucher_redemptions r using changes c
         where c.change < 0 and r.order_id = c.order_id and r.event_id = ${eventId}
      ), used as (
        insert into voucher_redemptions (order_id, event_id, voucher_id, customer_hash)
        select order_id, event_id, voucher_id, customer_hash from changes where change > 0
      )
      update vouchers v set redemptions = v.redemptions + c.change, version = v.version + c.steps,
                            updated_at = greatest(v.updated_at, c.at)
        from (select voucher_id, sum(change)::integer as change, sum(steps)::integer as steps, max(at) as at
                from changes group by voucher_id) c
       where v.id = c.voucher_id and v.event_id = ${eventId}
    `.execute(em.getKysely());
  }
}

/** What a step does to the redemptions of the order's voucher. */
const CHANGE_OF: Record<OrderChange['transition']['step'], -1 | 0 | 1> = {
  hold: 1,
  book: 1,
  revive: 1,
  confirm: 0,
  extend: 0,
  'cancel-partly': 0,
  cancel: -1,
  expire: -1,
};

/** When the redemptions of the voucher changed: with the end of a hold, not when that is stored, see {@link overdueRedemptions}. */
function timeOf({ order, transition }: Pick<OrderChange, 'order' | 'transition'>): Date {
  return transition.step === 'expire' ? (order.expiresAt ?? transition.at) : transition.at;
}

function namedBy(requests: readonly BookingRequest[]): { codes: string[]; ids: string[] } {
  return {
    codes: requests.flatMap((request) => {
      const code = codeOf(request);
      return code === undefined ? [] : codeKeysOf(code).filter((key) => key !== '');
    }),
    ids: requests.flatMap(({ order }) => voucherOf(order)?.voucherId ?? []),
  };
}

function isValid(voucher: LoadedVoucher, { now, lines }: BookingRequest): boolean {
  const { starts_at: startsAt, ends_at: endsAt, ticket_type_ids: ids } = voucher;
  if (startsAt !== null && now < new Date(startsAt)) return false;
  if (endsAt !== null && now >= new Date(endsAt)) return false;
  return ids === null || lines.some(({ ticketType }) => ids.includes(ticketType.id));
}

/** @throws DomainError `voucher-exhausted`, `voucher-customer-limit` */
function assertLeft(voucher: LoadedVoucher, ofCustomer: number): void {
  const { max_redemptions: max, max_per_customer: limit, redemptions } = voucher;
  if (max !== null && redemptions >= max) throw new DomainError(VOUCHER_EXHAUSTED, VOUCHER_EXHAUSTED.example.detail);
  if (limit !== null && ofCustomer >= limit) {
    throw new DomainError(VOUCHER_CUSTOMER_LIMIT, `A customer may use the voucher ${limit} times.`, { limit });
  }
}

function toOrderVoucher(voucher: LoadedVoucher): OrderVoucherDto {
  const { id, code, ticket_type_ids: ticketTypeIds } = voucher;
  return { voucherId: id, code, discount: toDiscountDto(voucher), ticketTypeIds };
}
