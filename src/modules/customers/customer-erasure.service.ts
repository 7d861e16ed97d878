import { randomUUID } from 'node:crypto';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { AuditLog } from '../../platform/audit/audit-log.js';
import type { Author } from '../../platform/audit/author.js';
import { databaseNow } from '../../platform/database/clock.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import type { Answer } from '../../platform/idempotency/answer.js';
import { IDEMPOTENCY_KEY_REUSED, keyReused } from '../../platform/idempotency/idempotency.errors.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { IdempotencyStore } from '../../platform/idempotency/idempotency.store.js';
import { type Erasure, type OrdersOfEvent, PersonalDataHolders } from '../../platform/personal-data/personal-data-holders.js';
import { eraseCustomerInBatch, eventWithOrdersOf, ordersUnder, type Person, Pseudonym } from '../orders/index.js';
import type { ErasedCustomerDto } from './customers.dto.js';

/**
 * Puts a pseudonym in the place of a person, everywhere. In batches of their own commit, so that nobody waits for long: after
 * a crash a part is done, and the repeat does the rest, under the same pseudonym if it has the same key.
 */
@Injectable()
export class CustomerErasureService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
    private readonly holders: PersonalDataHolders,
  ) {}

  /** Whoever books under the same address or subject afterwards is a new customer. */
  async erase(person: Person, author: Author, request: IdempotentRequest | null): Promise<Answer<ErasedCustomerDto>> {
    const pseudonym = request ? await this.begin(request) : new Pseudonym(uuidv7(), randomUUID());
    await this.eraseOrders(person, pseudonym);
    const orders = await this.retry.read(() => ordersUnder(this.em.fork(), pseudonym));
    await this.holders.eraseRest(orders, erasureOf(person, pseudonym, orders));
    return this.finish(person, pseudonym, author, request).catch((error: unknown) => {
      if (!(error instanceof DomainError && error.problem === IDEMPOTENCY_KEY_REUSED)) throw error;
      // Another request took the key meanwhile, and what is erased is erased: it is told, and not remembered.
      return this.finish(person, pseudonym, author, request, { remembers: false });
    });
  }

  /** @returns that of an earlier attempt if there was one; @throws DomainError `idempotency-key-reused` */
  private begin({ caller, key, fingerprint }: IdempotentRequest): Promise<Pseudonym> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        await sql`delete from customer_erasures where started_at < clock_timestamp() - interval '7 days'`.execute(em.getKysely());
        await sql`
          insert into customer_erasures (caller, key, fingerprint, pseudonym_id)
          values (${caller}, ${key}, ${fingerprint}, ${uuidv7()}) on conflict (caller, key) do nothing
        `.execute(em.getKysely());
        const { rows } = await sql<{ fingerprint: string; pseudonym_id: string; salt: string }>`
          select fingerprint, pseudonym_id, salt from customer_erasures where caller = ${caller} and key = ${key}
        `.execute(em.getKysely());
        const [row] = rows;
        if (row!.fingerprint !== fingerprint) throw keyReused();
        return new Pseudonym(row!.pseudonym_id, row!.salt);
      });
    return this.retry.run(work, { recognisesItsOwnCommit: true });
  }

  private async eraseOrders(person: Person, pseudonym: Pseudonym): Promise<void> {
    // What is booked from now on is not waited for: somebody who goes on booking would never be done with.
    const now = await this.retry.read(() => databaseNow(this.em.fork()));
    for (;;) {
      const eventId = await this.retry.read(() => eventWithOrdersOf(this.em.fork(), person, now));
      if (eventId === null) return;
      const work = () =>
        this.em.fork().transactional(async (em) => {
          const orders = await eraseCustomerInBatch(em, eventId, person, now, pseudonym);
          await this.holders.eraseOrders(em, orders, erasureOf(person, pseudonym, [orders]));
        });
      await this.retry.run(work, { recognisesItsOwnCommit: true });
    }
  }

  private finish(
    person: Person,
    pseudonym: Pseudonym,
    { actor, requestId }: Author,
    request: IdempotentRequest | null,
    { remembers } = { remembers: true },
  ): Promise<Answer<ErasedCustomerDto>> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const answer = await this.idempotency.once(em, remembers ? request : null, { status: 200 }, async () => {
          // Counted in the end, so that it is right whatever happened on the way.
          const orders = (await ordersUnder(em, pseudonym)).reduce((sum, { orderIds }) => sum + orderIds.length, 0);
          const target = { targetType: 'customer', targetId: pseudonym.id, before: null };
          const after = { orders, by: 'email' in person ? 'email' : 'subject' };
          await AuditLog.record(em, { actor, requestId, action: 'customer.erased', ...target, after });
          return { orders, pseudonym: pseudonym.name };
        });
        if (request) {
          const { caller, key } = request;
          await sql`delete from customer_erasures where caller = ${caller} and key = ${key}`.execute(em.getKysely());
        }
        return answer;
      });
    return this.retry.run(work, { recognisesItsOwnCommit: remembers && request !== null });
  }
}

function erasureOf(person: Person, pseudonym: Pseudonym, orders: readonly OrdersOfEvent[]): Erasure {
  if ('subject' in person) pseudonym.subjectOf(person.subject);
  const orderIds = new Set(orders.flatMap((ofEvent) => ofEvent.orderIds));
  return {
    subject: 'subject' in person ? person.subject : null,
    actors: pseudonym.actors,
    withoutPerson: (json) => pseudonym.replaceIn(json, orderIds),
  };
}
