import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import {
  ConsumesDomainEvents,
  type DomainEvent,
  type DomainEventConsumer,
  OrderConfirmed,
  type OrderDto,
} from '../../../src/extension.js';
import type { MembershipDto } from './members.dto.js';

type MembersOrder = OrderDto & { membership?: MembershipDto };

/** A point for each order. Each fact is taken over once: what it writes commits together with its place in the feed. */
@ConsumesDomainEvents()
export class MemberPoints implements DomainEventConsumer {
  readonly name = 'member-points';
  readonly types = [OrderConfirmed];

  async take(em: EntityManager, events: readonly DomainEvent[]): Promise<void> {
    const ids = events.flatMap(({ data }) => (data as MembersOrder).membership?.memberId ?? []);
    if (ids.length === 0) return;
    await sql`
      update members m set points = m.points + c.count
        from (select id, count(*)::integer as count from unnest(${ids}::uuid[]) as id group by id) c
       where m.id = c.id
    `.execute(em.getKysely());
  }
}
