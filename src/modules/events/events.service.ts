import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AuditLog } from '../../platform/audit/audit-log.js';
import type { Author } from '../../platform/audit/author.js';
import { databaseNow } from '../../platform/database/clock.js';
import { ReplicaReads } from '../../platform/database/replica-reads.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import type { DomainEventType } from '../../platform/domain-events/domain-event.js';
import { recordDomainEvents } from '../../platform/domain-events/outbox.js';
import { assertVersion, type ExpectedVersions } from '../../platform/http/etag.js';
import { afterCursor, toPage, type Page } from '../../platform/http/pagination.js';
import { formatTime } from '../../platform/http/times.js';
import type { Answer } from '../../platform/idempotency/answer.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { IdempotencyStore } from '../../platform/idempotency/idempotency.store.js';
import { auditedEvent, eventChange } from './audited.js';
import { given, timeOrNull } from './changes.js';
import { lockEvent } from './event-lock.js';
import { eventFact, EventPublished, EventUpdated } from './event-facts.js';
import { PUBLIC, ticketTypesOf } from './event-queries.js';
import { Event, type EventDetails } from './event.entity.js';
import { toEventDto } from './event.mapper.js';
import type { CreateEventDto, EventDto, EventQueryDto, UpdateEventDto } from './events.dto.js';
import { eventNotFound } from './events.errors.js';
import type { TicketType } from './ticket-type.entity.js';

/** Events: reading, and every change but those of the inventory. */
@Injectable()
export class EventsService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
    private readonly replicas: ReplicaReads,
  ) {}

  create(dto: CreateEventDto, author: Author, request: IdempotentRequest | null): Promise<Answer<EventDto>> {
    const work = () =>
      this.em.fork().transactional((em) =>
        this.idempotency.once(em, request, { status: 201, eventIdOf: idOf }, async () => {
          const event = Event.draft(uuidv7(), dto.currency, newDetails(dto), await databaseNow(em));
          em.persist(event);
          await AuditLog.record(em, eventChange(author, 'created', null, event));
          return toEventDto(event, []);
        }),
      );
    return this.retry.run(work, { recognisesItsOwnCommit: request !== null });
  }

  /** @param seesDrafts whether events that were never published may be known */
  async get(eventId: string, seesDrafts: boolean): Promise<EventDto> {
    const em = this.em.fork();
    const event = await em.findOne(Event, { id: eventId, ...(seesDrafts ? {} : PUBLIC) });
    if (!event) throw eventNotFound(eventId);
    return toEventDto(event, await ticketTypesOf(em, [eventId]));
  }

  /**
   * Those who make events, and look for what they have just changed, read the primary; the public a replica.
   * @param seesDrafts whether events that were never published may be known
   */
  list(query: EventQueryDto, seesDrafts: boolean): Promise<Page<EventDto>> {
    const read = (em: EntityManager) => this.listFrom(em, query, seesDrafts);
    return seesDrafts ? this.replicas.readPrimary(read) : this.replicas.read(read);
  }

  private async listFrom(em: EntityManager, query: EventQueryDto, seesDrafts: boolean): Promise<Page<EventDto>> {
    const events = await em.find(
      Event,
      {
        $and: [
          seesDrafts ? {} : PUBLIC,
          query.status ? { status: query.status } : {},
          query.startsAfter ? { startsAt: { $gte: new Date(query.startsAfter) } } : {},
          query.startsBefore ? { startsAt: { $lt: new Date(query.startsBefore) } } : {},
          query.q ? containing(query.q) : {},
          afterCursor<Event>(query, 'startsAt', 'asc'),
        ],
      },
      { orderBy: { startsAt: 'asc', id: 'asc' }, limit: query.limit + 1 },
    );
    const ticketTypes = Map.groupBy(
      await ticketTypesOf(
        em,
        events.map((event) => event.id),
      ),
      (ticketType) => ticketType.eventId,
    );
    return toPage(
      events,
      query,
      (event) => [formatTime(event.startsAt), event.id],
      (event) => toEventDto(event, ticketTypes.get(event.id) ?? []),
    );
  }

  update(eventId: string, dto: UpdateEventDto, expected: ExpectedVersions, author: Author): Promise<EventDto> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await lockEvent(em, eventId);
        assertVersion(expected, event.version);
        const before = auditedEvent(event);
        event.change(changedDetails(dto), await databaseNow(em));
        await AuditLog.record(em, eventChange(author, 'updated', before, event));
        return recorded(em, EventUpdated, event, await ticketTypesOf(em, [eventId]));
      });
    return this.retry.run(work, { recognisesItsOwnCommit: false });
  }

  publish(eventId: string, author: Author, request: IdempotentRequest | null): Promise<Answer<EventDto>> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await lockEvent(em, eventId);
        return this.idempotency.once(em, request, { status: 200, eventIdOf: idOf }, async () => {
          const before = auditedEvent(event);
          const published = event.publish(await databaseNow(em));
          const ticketTypes = await ticketTypesOf(em, [eventId]);
          if (!published) return toEventDto(event, ticketTypes);
          await AuditLog.record(em, eventChange(author, 'published', before, event));
          return recorded(em, EventPublished, event, ticketTypes);
        });
      });
    return this.retry.run(work, { recognisesItsOwnCommit: true });
  }
}

const idOf = (body: EventDto) => body.id;

/** The event, whose change is told to subscribers when the transaction commits. */
async function recorded(
  em: EntityManager,
  type: DomainEventType<EventDto>,
  event: Event,
  ticketTypes: readonly TicketType[],
): Promise<EventDto> {
  const dto = toEventDto(event, ticketTypes);
  await recordDomainEvents(em, [eventFact(type, dto, event.updatedAt)]);
  return dto;
}

/** `ILIKE` on each text of the event; the wildcards of the pattern language stand for themselves. */
function containing(text: string) {
  const pattern = `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  return { $or: [{ name: { $ilike: pattern } }, { venue: { $ilike: pattern } }, { description: { $ilike: pattern } }] };
}

function newDetails(dto: CreateEventDto): EventDetails {
  return {
    name: dto.name,
    description: dto.description ?? null,
    venue: dto.venue ?? null,
    startsAt: new Date(dto.startsAt),
    endsAt: dto.endsAt ? new Date(dto.endsAt) : null,
    timeZone: dto.timeZone,
    salesOpenAt: dto.salesOpenAt ? new Date(dto.salesOpenAt) : null,
    salesCloseAt: dto.salesCloseAt ? new Date(dto.salesCloseAt) : null,
    maxTicketsPerCustomer: dto.maxTicketsPerCustomer ?? null,
    metadata: dto.metadata ?? {},
  };
}

function changedDetails(dto: UpdateEventDto): Partial<EventDetails> {
  const { startsAt, endsAt, salesOpenAt, salesCloseAt, ...same } = dto;
  return {
    ...given(same),
    ...given({
      startsAt: startsAt === undefined ? undefined : new Date(startsAt),
      endsAt: timeOrNull(endsAt),
      salesOpenAt: timeOrNull(salesOpenAt),
      salesCloseAt: timeOrNull(salesCloseAt),
    }),
  };
}
