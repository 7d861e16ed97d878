import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { sql } from 'kysely';
import { STATEMENT_TIME } from '../database/clock.js';
import { providersWith } from '../discovery/providers-with.js';
import { rootMessageOf } from '../errors/message-of.js';
import { RecurringJob } from '../jobs/recurring-job.js';
import { readFeed } from './change-feed.js';
import { DOMAIN_EVENT_CONSUMER, type DomainEventConsumer } from './consumers.js';
import { isBefore, type FeedPlace } from './feed-place.js';
import { Subscribers } from './subscribers.js';

/**
 * Facts that a consumer takes over in one run, so 800 a second: while an event is hot, bookings come first, and what consumers
 * do about them (docs/performance.md) is spread over the time after it.
 */
const BATCH = 200;

/**
 * Hands domain events to their consumers, each from where it had come. On every instance: the place of a consumer is a row that
 * one of them locks, and moves in the transaction in which the consumer takes the events over, so that none is lost or taken
 * twice. A consumer that fails or waits holds up nobody else.
 */
@Injectable()
export class DomainEventRelayJob extends RecurringJob {
  protected readonly intervalMs = 250;
  private consumers: readonly DomainEventConsumer[] | undefined;
  private known = new Set<string>();

  constructor(
    private readonly em: EntityManager,
    private readonly discovery: DiscoveryService,
    private readonly subscribers: Subscribers,
  ) {
    super();
  }

  /** A new consumer hears of all that happens from the first start of the app with it. */
  override async onApplicationBootstrap(): Promise<void> {
    try {
      await this.addCursors(this.em.fork(), this.names());
    } catch (error) {
      this.logger.warn(`Consumers begin later than the app: ${rootMessageOf(error)}`);
    }
    await super.onApplicationBootstrap();
  }

  /** @returns how many domain events were taken over */
  async runOnce(): Promise<number> {
    let taken = 0;
    for (const consumer of await this.withNews()) {
      try {
        taken += await this.em.fork().transactional((em) => takeBatch(em, consumer));
      } catch (error) {
        this.logger.warn(`${consumer.name} could not take over domain events: ${rootMessageOf(error)}`);
      }
    }
    return taken;
  }

  /** Those for whom there is something, found by one statement. */
  private async withNews(): Promise<DomainEventConsumer[]> {
    const names = this.names();
    if (names.length === 0) return [];
    const em = this.em.fork();
    if (!names.every((name) => this.known.has(name))) await this.addCursors(em, names);
    const { rows } = await sql<{ name: string }>`/* consumers-with-news */
      select c.name from domain_event_cursors c
       where c.name = any(${names}::text[])
         and exists (select from domain_events e
                      where (e.transaction_id, e.position) > (c.transaction_id, c.position)
                        and e.transaction_id < pg_snapshot_xmin(pg_current_snapshot()))
    `.execute(em.getKysely());
    const found = new Set(rows.map(({ name }) => name));
    return this.consumers!.filter(({ name }) => found.has(name));
  }

  private names(): string[] {
    this.consumers ??= this.discover();
    return this.consumers.map(({ name }) => name);
  }

  private async addCursors(em: EntityManager, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await sql`
      insert into domain_event_cursors (name, transaction_id, position, updated_at)
      select name, pg_snapshot_xmin(pg_current_snapshot()), 0, ${sql.raw(STATEMENT_TIME)} from unnest(${names}::text[]) name
      on conflict (name) do nothing
    `.execute(em.getKysely());
    this.known = new Set(names);
  }

  private discover(): DomainEventConsumer[] {
    const found = providersWith(this.discovery, DOMAIN_EVENT_CONSUMER).map(({ instance }) => instance as DomainEventConsumer);
    return [...found, ...this.subscribers.consumers];
  }
}

/** @returns how many: none when another instance is at it, or the consumer does not want any */
async function takeBatch(em: EntityManager, consumer: DomainEventConsumer): Promise<number> {
  // Jobs are ordered by when their transaction began: this one must not be older than the one that moved the place last.
  const { rows } = await sql<{ transaction_id: string; position: string }>`
    select transaction_id::text, position::text from domain_event_cursors
     where name = ${consumer.name} and updated_at < date_trunc('milliseconds', now()) for update skip locked
  `.execute(em.getKysely());
  if (!rows[0]) return 0;
  const place: FeedPlace = { transactionId: rows[0].transaction_id, position: rows[0].position };
  const readiness = (await consumer.readiness?.(em)) ?? 'take';
  if (readiness === 'wait') return 0;
  if (readiness === 'skip') {
    await passOver(em, consumer.name);
    return 0;
  }
  const types = consumer.types?.map(({ type }) => type) ?? null;
  const page = await readFeed(em, place, { types }, BATCH);
  if (page.events.length > 0) await consumer.take(em, page.events);
  if (isBefore(place, page.next)) await moveTo(em, consumer.name, page.next);
  return page.events.length;
}

async function moveTo(em: EntityManager, name: string, place: FeedPlace): Promise<void> {
  await sql`
    update domain_event_cursors
       set transaction_id = ${place.transactionId}::xid8, position = ${place.position}::bigint, updated_at = ${sql.raw(STATEMENT_TIME)}
     where name = ${name}
  `.execute(em.getKysely());
}

/** This transaction has had its id since it locked the place: what commits after the consumer was asked lies beyond the horizon. */
async function passOver(em: EntityManager, name: string): Promise<void> {
  await sql`
    update domain_event_cursors
       set transaction_id = pg_snapshot_xmin(pg_current_snapshot()), position = 0, updated_at = ${sql.raw(STATEMENT_TIME)}
     where name = ${name} and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
  `.execute(em.getKysely());
}
