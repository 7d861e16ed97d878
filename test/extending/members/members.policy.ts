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
  type PriceAdjustment,
  type TurnToLoad,
} from '../../../src/extension.js';
import { MemberBookingDto, MembershipDto } from './members.dto.js';
import { MEMBERS_ONLY } from './members.errors.js';

type Members = ReadonlyMap<string, string>;
const keyOf = (email: string) => email.trim().toLowerCase();

// #region register
@ExtendsBooking({
  name: 'members',
  body: MemberBookingDto,
  orderMember: { name: 'membership', type: MembershipDto, description: 'Whose order it is, if a member ordered.' },
  problems: [MEMBERS_ONLY],
})
export class MembersPolicy
  implements BookingPolicy<Members, MembershipDto>, PriceAdjustment<MembershipDto>, OrderTransitionListener<Members>
{
  // #endregion
  // #region load
  /** One query for all requests of the transaction. */
  async load(em: EntityManager, { requests }: TurnToLoad): Promise<Members> {
    if (requests.length === 0) return new Map();
    const keys = requests.map(({ customer }) => keyOf(customer.email));
    const { rows } = await sql<{ id: string; customer_key: string }>`
      select id, customer_key from members where customer_key = any(${keys}::text[])
    `.execute(em.getKysely());
    return new Map(rows.map((row) => [row.customer_key, row.id]));
  }
  // #endregion

  // #region decide
  decide(request: BookingRequest, members: Members): MembershipDto | undefined {
    const { email } = request.customer;
    const memberId = members.get(keyOf(email));
    if (memberId) return { memberId, usePoints: request.body(MemberBookingDto)?.usePoints ?? false };
    if (request.event.metadata['membersOnly'] === 'true') throw new DomainError(MEMBERS_ONLY, `${email} is no member.`);
    return undefined;
  }
  // #endregion

  // #region adjust
  adjust({ subtotalAmount }: OrderToPrice, membership: MembershipDto | undefined): Adjustment[] {
    if (!membership?.usePoints) return [];
    return [{ code: 'points', label: 'Members: a tenth off', amount: -Math.round(subtotalAmount / 10) }];
  }
  // #endregion

  // #region write
  /** Commits with the steps, or not at all. */
  async write(em: EntityManager, changes: readonly OrderChange[]): Promise<void> {
    const rows = changes.flatMap(({ order, transition }) => {
      const membership = order.extensions['membership'] as MembershipDto | undefined;
      if (!membership) return [];
      const { eventId, sequence, orderId, step } = transition;
      return [{ event_id: eventId, sequence, order_id: orderId, member_id: membership.memberId, step }];
    });
    if (rows.length === 0) return;
    await sql`
      insert into member_orders
      select * from json_to_recordset(${JSON.stringify(rows)}::json)
                    as r (event_id uuid, sequence integer, order_id uuid, member_id uuid, step text)
    `.execute(em.getKysely());
  }
  // #endregion
}
