import { setTimeout as sleep } from 'node:timers/promises';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { type DomainEvent, OnDomainEvent, OrderCancelled, OrderConfirmed, type OrderDto } from '../../../src/extension.js';

const SLOW_MS = 1_000;

/** Hears about orders after their commit: at least once, so it keeps in mind which facts it has seen. */
@Injectable()
export class MemberLetters {
  constructor(private readonly em: EntityManager) {}

  @OnDomainEvent([OrderConfirmed, OrderCancelled], { name: 'member-letters', retries: 2 })
  async write({ id, type, orderId, sequence, data }: DomainEvent<OrderDto>): Promise<void> {
    if (data.metadata['letter'] === 'slow') await sleep(SLOW_MS);
    if (data.metadata['letter'] === 'fails') throw new Error('The printer is on fire');
    const text = `${type === OrderConfirmed.type ? 'Thank you' : 'Good-bye'}, ${data.customer.name ?? data.customer.email}`;
    await sql`
      insert into member_letters (fact_id, order_id, sequence, text) values (${id}, ${orderId}, ${sequence}, ${text})
      on conflict (fact_id) do nothing
    `.execute(this.em.fork().getKysely());
  }
}
