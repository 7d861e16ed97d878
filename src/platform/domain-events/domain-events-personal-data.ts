import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { sql } from 'kysely';
import { TransactionRetry } from '../database/transaction-retry.js';
import { JOBS_SCHEMA } from '../jobs/install-jobs.js';
import { inBatches } from '../personal-data/in-batches.js';
import {
  PersonalDataHolders,
  type Erasure,
  type OrdersOfEvent,
  type PersonalDataHolder,
} from '../personal-data/personal-data-holders.js';
import { FEED_START, type FeedPlace } from './feed-place.js';

/** Facts that are looked at by one statement. */
const PAGE = 20_000;

const JOB = sql.table(`${JOBS_SCHEMA}.job`);

interface Page {
  last: FeedPlace | null;
  found: FeedPlace[];
}

/**
 * Takes erased persons out of the facts about their orders, and out of the jobs that wait to tell them, failed ones too. Facts
 * have no index by order, which every booking would pay for: they are read a page at a time, without a lock.
 */
@Injectable()
export class DomainEventsPersonalData implements PersonalDataHolder, OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly holders: PersonalDataHolders,
  ) {}

  onModuleInit(): void {
    this.holders.register(this);
  }

  async eraseRest(orders: readonly OrdersOfEvent[], erasure: Erasure): Promise<void> {
    const orderIds = orders.flatMap((ofEvent) => ofEvent.orderIds);
    if (orderIds.length === 0) return;
    let last = FEED_START;
    for (;;) {
      const page = await this.retry.read(() => this.page(last, orderIds));
      for (const places of inBatches(page.found)) await this.rewriteFacts(places, erasure);
      if (!page.last) break;
      last = page.last;
    }
    await this.waitForConsumers();
    for (const ids of inBatches(await this.retry.read(() => this.jobsAbout(orderIds)))) {
      // One that fails at that moment is a new row, which a statement does not see that waited for the old one.
      const missed = await this.rewriteJobs(ids, erasure);
      if (missed.length > 0) await this.rewriteJobs(missed, erasure);
    }
  }

  private async page(after: FeedPlace, orderIds: readonly string[]): Promise<Page> {
    const { rows } = await sql<Page>`
      with page as (
        select transaction_id, position, order_id from domain_events
         where (transaction_id, position) > (${after.transactionId}::xid8, ${after.position}::bigint)
         order by transaction_id, position limit ${PAGE}
      ), places as (
        select p.*, json_build_object('transactionId', transaction_id::text, 'position', position::text) as place from page p
      )
      select (select place from places order by transaction_id desc, position desc limit 1) as last,
             coalesce((select json_agg(place) from places join unnest(${orderIds}::uuid[]) as o (id) on o.id = order_id), '[]') as found
    `.execute(this.em.fork().getKysely());
    return rows[0]!;
  }

  private async rewriteFacts(places: readonly FeedPlace[], { withoutPerson }: Erasure): Promise<void> {
    const named = sql`json_to_recordset(${JSON.stringify(places)}::json) as n ("transactionId" xid8, position bigint)`;
    await this.inTransaction(async (em) => {
      const { rows } = await sql<FeedPlace & { data: object }>`
        select e.transaction_id::text as "transactionId", e.position::text as position, e.data from domain_events e
          join ${named} on e.transaction_id = n."transactionId" and e.position = n.position
         order by e.transaction_id, e.position for update of e
      `.execute(em.getKysely());
      const changed = rows.map(({ data, ...place }) => ({ ...place, data: withoutPerson(data) }));
      await sql`
        update domain_events e set data = c.data
          from json_to_recordset(${JSON.stringify(changed)}::json) as c ("transactionId" xid8, position bigint, data json)
         where e.transaction_id = c."transactionId" and e.position = c.position
      `.execute(em.getKysely());
    });
  }

  /** Who has read facts before they were changed has made jobs of them by then. */
  private async waitForConsumers(): Promise<void> {
    await this.inTransaction(async (em) => {
      await sql`select from domain_event_cursors order by name for update`.execute(em.getKysely());
    });
  }

  private async jobsAbout(orderIds: readonly string[]): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select j.id from ${JOB} j join unnest(${orderIds}::text[]) as o (id) on o.id = j.data ->> 'orderId'
    `.execute(this.em.fork().getKysely());
    return rows.map(({ id }) => id);
  }

  /** @returns those that are not there, maybe because they are done */
  private rewriteJobs(ids: readonly string[], { withoutPerson }: Erasure): Promise<string[]> {
    return this.inTransaction(async (em) => {
      const { rows } = await sql<{ name: string; id: string; data: object }>`
        select name, id, data from ${JOB} where id = any(${ids}::uuid[]) order by name, id for update
      `.execute(em.getKysely());
      const changed = rows.map(({ data, ...job }) => ({ ...job, data: withoutPerson(data) }));
      // What a subscriber said when it failed may quote the order.
      await sql`
        update ${JOB} j set data = c.data, output = null
          from json_to_recordset(${JSON.stringify(changed)}::json) as c (name text, id uuid, data jsonb)
         where j.name = c.name and j.id = c.id
      `.execute(em.getKysely());
      const found = new Set(rows.map(({ id }) => id));
      return ids.filter((id) => !found.has(id));
    });
  }

  private inTransaction<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    return this.retry.run(() => this.em.fork().transactional(work), { recognisesItsOwnCommit: true });
  }
}
