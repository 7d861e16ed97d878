import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { sql } from 'kysely';
import {
  type Erasure,
  type OrdersOfEvent,
  type PersonalDataHolder,
  PersonalDataHolders,
  TransactionRetry,
} from '../../extension.js';

/** Deliveries that are looked at by one statement. */
const PAGE = 20_000;
/** Deliveries that are written by one statement, and so locked at a time. */
const BATCH = 500;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

interface Delivery {
  id: string;
  body: string;
}

interface Page {
  last: string | null;
  found: string[];
}

/**
 * Takes erased persons out of what was sent and waits to be sent, and forgets what endpoints answered to it. Deliveries have no
 * index by order, which each would pay for: they are read a page at a time, without a lock.
 */
@Injectable()
export class WebhooksPersonalData implements PersonalDataHolder, OnModuleInit {
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
    for (let after: string | null = FIRST_ID; after !== null;) {
      const place: string = after;
      const { last, found } = await this.retry.read(() => this.page(place, orderIds));
      for (let start = 0; start < found.length; start += BATCH) {
        const ids = found.slice(start, start + BATCH);
        await this.retry.run(() => this.rewrite(ids, erasure), { recognisesItsOwnCommit: true });
      }
      after = last;
    }
  }

  private async page(after: string, orderIds: readonly string[]): Promise<Page> {
    const { rows } = await sql<Page>`
      with page as (select id, order_id from webhook_deliveries where id > ${after}::uuid order by id limit ${PAGE})
      select (select id from page order by id desc limit 1) as last,
             coalesce((select json_agg(p.id) from page p join unnest(${orderIds}::uuid[]) as o (id) on o.id = p.order_id), '[]') as found
    `.execute(this.em.fork().getKysely());
    return rows[0]!;
  }

  private async rewrite(ids: readonly string[], { withoutPerson }: Erasure): Promise<void> {
    await this.em.fork().transactional(async (em) => {
      const { rows } = await sql<Delivery>`
        select id, body from webhook_deliveries where id = any(${ids}::uuid[]) order by id for update
      `.execute(em.getKysely());
      const changed = rows.map(({ id, body }) => ({ id, body: JSON.stringify(withoutBody(JSON.parse(body), withoutPerson)) }));
      await sql`
        update webhook_deliveries d set body = c.body, response_body = null, error = null
          from json_to_recordset(${JSON.stringify(changed)}::json) as c (id uuid, body text)
         where d.id = c.id
      `.execute(em.getKysely());
    });
  }
}

/** The order is the `data` of what is sent. */
function withoutBody(body: { data: unknown }, withoutPerson: Erasure['withoutPerson']): object {
  return { ...body, data: withoutPerson(body.data) };
}
