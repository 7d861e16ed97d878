import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AuditLog } from '../../platform/audit/audit-log.js';
import type { Author } from '../../platform/audit/author.js';
import { databaseNow } from '../../platform/database/clock.js';
import { violates } from '../../platform/database/database-errors.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { recordDomainEvents } from '../../platform/domain-events/outbox.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { validationFailed } from '../../platform/errors/platform.errors.js';
import { assertVersion, type ExpectedVersions } from '../../platform/http/etag.js';
import type { MoneyDto } from '../../platform/http/money.js';
import { afterCursor, toPage, type Page, type PageQueryDto } from '../../platform/http/pagination.js';
import { formatTime } from '../../platform/http/times.js';
import type { Answer } from '../../platform/idempotency/answer.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { IdempotencyStore } from '../../platform/idempotency/idempotency.store.js';
import { ticketTypeChange } from './audited.js';
import { given, timeOrNull } from './changes.js';
import { ExpiredHolds } from './expired-holds.js';
import { lockEvent } from './event-lock.js';
import { Event } from './event.entity.js';
import { eventFact, TicketTypeChanged } from './event-facts.js';
import { assertPublic, ticketTypesOf } from './event-queries.js';
import { toEventDto, toTicketTypeDto } from './event.mapper.js';
import { type CreateTicketTypeDto, type TicketTypeDto, type UpdateTicketTypeDto } from './ticket-types.dto.js';
import { MAX_TICKET_TYPES } from './dto-fields.js';
import {
  CAPACITY_BELOW_COMMITTED,
  eventNotFound,
  TICKET_TYPE_IN_USE,
  ticketTypeNotFound,
  TOO_MANY_TICKET_TYPES,
} from './events.errors.js';
import { MAX_PER_ORDER, TicketType, type TicketTypeDetails } from './ticket-type.entity.js';

/** Ticket types: their definition and their capacity. Every change takes the event lock first. */
@Injectable()
export class TicketTypesService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
    private readonly expiredHolds: ExpiredHolds,
  ) {}

  create(
    eventId: string,
    dto: CreateTicketTypeDto,
    author: Author,
    request: IdempotentRequest | null,
  ): Promise<Answer<TicketTypeDto>> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await lockEvent(em, eventId);
        return this.idempotency.once(em, request, { status: 201, eventIdOf: (body) => body.eventId }, async () => {
          event.assertNotCancelled('given ticket types');
          await assertRoomForOneMore(em, eventId);
          assertCurrency(dto.price, event);
          const now = await databaseNow(em);
          const ticketType = TicketType.of(event, uuidv7(), newDetails(dto), now);
          event.touch(now);
          em.persist(ticketType);
          await AuditLog.record(em, ticketTypeChange(author, 'created', null, ticketType));
          await recordChange(em, event);
          return toTicketTypeDto(ticketType);
        });
      });
    return this.retry.run(work, { recognisesItsOwnCommit: request !== null });
  }

  /** @param seesDrafts whether events that were never published may be known */
  async get(eventId: string, ticketTypeId: string, seesDrafts: boolean): Promise<TicketTypeDto> {
    const em = this.em.fork();
    if (!seesDrafts) await assertPublic(em, eventId);
    const ticketType = await em.findOne(TicketType, { eventId, id: ticketTypeId });
    if (ticketType) return toTicketTypeDto(ticketType);
    if ((await em.count(Event, { id: eventId })) === 0) throw eventNotFound(eventId);
    throw ticketTypeNotFound(ticketTypeId);
  }

  /** @param seesDrafts whether events that were never published may be known */
  async list(eventId: string, query: PageQueryDto, seesDrafts: boolean): Promise<Page<TicketTypeDto>> {
    const em = this.em.fork();
    if (!seesDrafts) await assertPublic(em, eventId);
    const ticketTypes = await em.find(
      TicketType,
      { $and: [{ eventId }, afterCursor<TicketType>(query, 'createdAt', 'asc')] },
      { orderBy: { createdAt: 'asc', id: 'asc' }, limit: query.limit + 1 },
    );
    if (ticketTypes.length === 0 && (await em.count(Event, { id: eventId })) === 0) throw eventNotFound(eventId);
    return toPage(ticketTypes, query, ({ createdAt, id }) => [formatTime(createdAt), id], toTicketTypeDto);
  }

  async update(
    eventId: string,
    ticketTypeId: string,
    dto: UpdateTicketTypeDto,
    expected: ExpectedVersions,
    author: Author,
  ): Promise<TicketTypeDto> {
    try {
      return await this.change(eventId, ticketTypeId, dto, expected, author);
    } catch (error) {
      if (!(error instanceof DomainError) || error.problem !== CAPACITY_BELOW_COMMITTED) throw error;
      await this.expiredHolds.takeBack(eventId);
      return this.change(eventId, ticketTypeId, dto, expected, author);
    }
  }

  private change(
    eventId: string,
    ticketTypeId: string,
    dto: UpdateTicketTypeDto,
    expected: ExpectedVersions,
    author: Author,
  ): Promise<TicketTypeDto> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await lockEvent(em, eventId);
        const ticketType = await findTicketType(em, eventId, ticketTypeId);
        assertVersion(expected, ticketType.version);
        event.assertNotCancelled('changed');
        if (dto.price) assertCurrency(dto.price, event);
        const now = await databaseNow(em);
        const before = toTicketTypeDto(ticketType);
        ticketType.change(changedDetails(dto), now);
        event.touch(now);
        await AuditLog.record(em, ticketTypeChange(author, 'updated', before, ticketType));
        await recordChange(em, event);
        return toTicketTypeDto(ticketType);
      });
    return this.retry.run(work, { recognisesItsOwnCommit: false });
  }

  /** @throws DomainError `ticket-type-in-use` when it was ever ordered */
  delete(eventId: string, ticketTypeId: string, expected: ExpectedVersions, author: Author): Promise<void> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await lockEvent(em, eventId);
        const ticketType = await findTicketType(em, eventId, ticketTypeId);
        assertVersion(expected, ticketType.version);
        event.touch(await databaseNow(em));
        em.remove(ticketType);
        await AuditLog.record(em, ticketTypeChange(author, 'deleted', toTicketTypeDto(ticketType), ticketType));
        await recordChange(em, event);
      });
    return this.retry.run(work, { recognisesItsOwnCommit: false }).catch((error: unknown) => {
      // The foreign key of the order items decides: events know nothing of orders.
      if (!violates(error, 'order_items_ticket_type_fkey')) throw error;
      throw new DomainError(TICKET_TYPE_IN_USE, TICKET_TYPE_IN_USE.example.detail);
    });
  }
}

/** Tells subscribers of the event with its ticket types, as they are now. */
async function recordChange(em: EntityManager, event: Event): Promise<void> {
  await em.flush();
  const dto = toEventDto(event, await ticketTypesOf(em, [event.id]));
  await recordDomainEvents(em, [eventFact(TicketTypeChanged, dto, event.updatedAt)]);
}

async function findTicketType(em: EntityManager, eventId: string, ticketTypeId: string): Promise<TicketType> {
  const ticketType = await em.findOne(TicketType, { eventId, id: ticketTypeId });
  if (!ticketType) throw ticketTypeNotFound(ticketTypeId);
  return ticketType;
}

async function assertRoomForOneMore(em: EntityManager, eventId: string): Promise<void> {
  if ((await em.count(TicketType, { eventId })) < MAX_TICKET_TYPES) return;
  throw new DomainError(TOO_MANY_TICKET_TYPES, `An event has at most ${MAX_TICKET_TYPES} ticket types.`, {
    limit: MAX_TICKET_TYPES,
  });
}

function assertCurrency(price: MoneyDto, event: Event): void {
  if (price.currency === event.currency) return;
  throw validationFailed([{ pointer: '/price/currency', detail: `currency must be ${event.currency}, as that of the event` }]);
}

function newDetails(dto: CreateTicketTypeDto): TicketTypeDetails {
  return {
    name: dto.name,
    description: dto.description ?? null,
    priceAmount: dto.price.amount,
    capacity: dto.capacity,
    salesOpenAt: dto.salesOpenAt ? new Date(dto.salesOpenAt) : null,
    salesCloseAt: dto.salesCloseAt ? new Date(dto.salesCloseAt) : null,
    minPerOrder: dto.minPerOrder ?? 1,
    maxPerOrder: dto.maxPerOrder ?? MAX_PER_ORDER,
  };
}

function changedDetails(dto: UpdateTicketTypeDto): Partial<TicketTypeDetails> {
  const { price, salesOpenAt, salesCloseAt, ...same } = dto;
  return {
    ...given(same),
    ...given({ priceAmount: price?.amount, salesOpenAt: timeOrNull(salesOpenAt), salesCloseAt: timeOrNull(salesCloseAt) }),
  };
}
