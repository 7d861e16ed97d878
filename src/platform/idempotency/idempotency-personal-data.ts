import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { sql } from 'kysely';
import { TransactionRetry } from '../database/transaction-retry.js';
import { BATCH, inBatches } from '../personal-data/in-batches.js';
import {
  PersonalDataHolders,
  type Erasure,
  type OrdersOfEvent,
  type PersonalDataHolder,
} from '../personal-data/personal-data-holders.js';
import type { IdempotencyRecord } from './idempotency-record.entity.js';

/** Records that are looked at by one statement. */
const PAGE = 5_000;

type Name = Pick<IdempotencyRecord, 'caller' | 'key'>;
type Place = Name & { created_at: string };

/**
 * Takes erased persons out of remembered answers. There is no index by order, which every booking would pay for: the few
 * erasures read all records, which are purged after a day or so, a page at a time and without a lock.
 */
@Injectable()
export class IdempotencyPersonalData implements PersonalDataHolder, OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly holders: PersonalDataHolders,
  ) {}

  onModuleInit(): void {
    this.holders.register(this);
  }

  async eraseRest(orders: readonly OrdersOfEvent[], erasure: Erasure): Promise<void> {
    if (erasure.subject !== null) await this.eraseCaller(erasure);
    if (orders.length > 0) await this.eraseAnswersAbout(orders, erasure);
  }

  private async eraseCaller(erasure: Erasure): Promise<void> {
    for (const caller of erasure.actors.keys()) {
      for (;;) {
        const names = await this.retry.read(async () => {
          const { rows } = await sql<Name>`
            select caller, key from idempotency_keys where caller = ${caller} order by key limit ${BATCH}
          `.execute(this.em.fork().getKysely());
          return rows;
        });
        if (names.length === 0) break;
        await this.rewrite(names, erasure);
      }
    }
  }

  private async eraseAnswersAbout(orders: readonly OrdersOfEvent[], erasure: Erasure): Promise<void> {
    const eventIds = orders.map(({ eventId }) => eventId);
    const orderIds = new Set(orders.flatMap((ofEvent) => ofEvent.orderIds));
    for (let after: Place | undefined; ;) {
      const page = await this.retry.read(() => this.page(eventIds, after));
      const found = page.filter(({ about }) => about !== null && orderIds.has(about));
      for (const names of inBatches(found)) await this.rewrite(names, erasure);
      after = page.at(-1);
      if (!after) return;
    }
  }

  /** In the order of their age; `about` is the id in the answer, of records of these events. */
  private async page(eventIds: readonly string[], after: Place | undefined) {
    const beyond = after
      ? sql`(created_at, caller, key) > (${after.created_at}::timestamptz, ${after.caller}, ${after.key})`
      : sql`true`;
    const { rows } = await sql<Place & { about: string | null }>`
      select caller, key, created_at::text as created_at,
             case when event_id = any(${eventIds}::uuid[]) then body::json ->> 'id' end as about
        from idempotency_keys where ${beyond} order by created_at, caller, key limit ${PAGE}
    `.execute(this.em.fork().getKysely());
    return rows;
  }

  private async rewrite(names: readonly Name[], { subject, actors, withoutPerson }: Erasure): Promise<void> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        // In the order of the primary key, as bookings write them. One that is purged meanwhile is no longer there to change.
        const { rows } = await sql<Name & { body: string }>`
          select k.caller, k.key, k.body from idempotency_keys k
            join json_to_recordset(${JSON.stringify(names)}::json) as n (caller text, key text) on n.caller = k.caller and n.key = k.key
           order by k.caller, k.key for update of k
        `.execute(em.getKysely());
        const changed = rows.map(({ caller, key, body }) => ({
          caller,
          key,
          // By e-mail the user stays who they are, and their repeats are recognised.
          new_caller: (subject === null ? undefined : actors.get(caller)) ?? caller,
          body: JSON.stringify(withoutPerson(JSON.parse(body))),
        }));
        await sql`
          update idempotency_keys k set caller = c.new_caller, body = c.body
            from json_to_recordset(${JSON.stringify(changed)}::json) as c (caller text, key text, new_caller text, body text)
           where k.caller = c.caller and k.key = c.key
        `.execute(em.getKysely());
      });
    await this.retry.run(work, { recognisesItsOwnCommit: true });
  }
}
