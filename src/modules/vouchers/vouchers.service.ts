import { IsolationLevel } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import {
  afterCursor,
  type Answer,
  assertVersion,
  type AuditedChange,
  AuditLog,
  type Author,
  databaseNow,
  DomainError,
  Event,
  eventNotFound,
  type ExpectedVersions,
  ExpiredHolds,
  formatTime,
  IdempotencyStore,
  type IdempotentRequest,
  lockEvent,
  type Page,
  type PageQueryDto,
  type ProblemDefinition,
  ticketTypeNotFound,
  ticketTypesOf,
  toPage,
  TransactionRetry,
  validationFailed,
  violates,
} from '../../extension.js';
import { type Overdue, overdueRedemptions } from './overdue-redemptions.js';
import { Voucher, type VoucherDetails } from './voucher.entity.js';
import { toVoucherDto } from './voucher.mapper.js';
import type { CreateVoucherDto, UpdateVoucherDto, VoucherDiscountDto, VoucherDto } from './vouchers.dto.js';
import { VOUCHER_CODE_TAKEN, VOUCHER_IN_USE, VOUCHER_MAX_BELOW_REDEMPTIONS, voucherNotFound } from './vouchers.errors.js';

/** Vouchers: their definition. Every change takes the event lock first, as the bookings that use them do. */
@Injectable()
export class VouchersService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
    private readonly expiredHolds: ExpiredHolds,
  ) {}

  async create(
    eventId: string,
    dto: CreateVoucherDto,
    author: Author,
    request: IdempotentRequest | null,
  ): Promise<Answer<VoucherDto>> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await lockEvent(em, eventId);
        return this.idempotency.once(em, request, { status: 201, eventIdOf: (body) => body.eventId }, async () => {
          const voucher = Voucher.of(event, uuidv7(), newDetails(dto, event), await databaseNow(em));
          await assertTicketTypes(em, eventId, voucher.ticketTypeIds);
          em.persist(voucher);
          await em.flush();
          const created = toVoucherDto(voucher, undefined);
          await AuditLog.record(em, voucherChange(author, 'created', null, created));
          return created;
        });
      });
    return this.retry.run(work, { recognisesItsOwnCommit: request !== null }).catch(codeTaken(dto.code));
  }

  get(eventId: string, voucherId: string): Promise<VoucherDto> {
    return this.read(async (em) => {
      const voucher = await em.findOne(Voucher, { eventId, id: voucherId });
      if (voucher) return toVoucherDto(voucher, (await overdueRedemptions(em, eventId)).get(voucherId));
      await assertEvent(em, eventId);
      throw voucherNotFound(voucherId);
    });
  }

  list(eventId: string, query: PageQueryDto): Promise<Page<VoucherDto>> {
    return this.read(async (em) => {
      const vouchers = await em.find(
        Voucher,
        { $and: [{ eventId }, afterCursor<Voucher>(query, 'createdAt', 'desc')] },
        { orderBy: { createdAt: 'desc', id: 'desc' }, limit: query.limit + 1 },
      );
      if (vouchers.length === 0) await assertEvent(em, eventId);
      const overdue = await overdueRedemptions(em, eventId);
      const toDto = (voucher: Voucher) => toVoucherDto(voucher, overdue.get(voucher.id));
      return toPage(vouchers, query, ({ createdAt, id }) => [formatTime(createdAt), id], toDto);
    });
  }

  async update(
    eventId: string,
    voucherId: string,
    dto: UpdateVoucherDto,
    expected: ExpectedVersions,
    author: Author,
  ): Promise<VoucherDto> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await lockEvent(em, eventId);
        const { voucher, overdue, shown: before } = await findVoucher(em, eventId, voucherId);
        assertVersion(expected, before.version);
        const changes = changedDetails(dto, event);
        await assertTicketTypes(em, eventId, changes.ticketTypeIds ?? null);
        voucher.change(changes, await databaseNow(em));
        await em.flush();
        const after = toVoucherDto(voucher, overdue);
        await AuditLog.record(em, voucherChange(author, 'updated', before, after));
        return after;
      });
    return this.change(eventId, VOUCHER_MAX_BELOW_REDEMPTIONS, work).catch(codeTaken(dto.code ?? ''));
  }

  /** @throws DomainError `voucher-in-use` */
  async delete(eventId: string, voucherId: string, expected: ExpectedVersions, author: Author): Promise<void> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        await lockEvent(em, eventId);
        const { voucher, shown } = await findVoucher(em, eventId, voucherId);
        assertVersion(expected, shown.version);
        if (voucher.redemptions > 0) throw new DomainError(VOUCHER_IN_USE, VOUCHER_IN_USE.example.detail);
        em.remove(voucher);
        await AuditLog.record(em, voucherChange(author, 'deleted', shown, null));
      });
    return this.change(eventId, VOUCHER_IN_USE, work);
  }

  /** In one snapshot, so that no redemption is missing, or taken off twice, that is given back meanwhile. */
  private read<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    const options = { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true };
    return this.retry.read(() => this.em.fork().transactional(work, options));
  }

  /** A hold past its end must not stand in the way: when the redemptions do, those that are over are given back first. */
  private async change<T>(eventId: string, tooMany: ProblemDefinition, work: () => Promise<T>): Promise<T> {
    const run = () => this.retry.run(work, { recognisesItsOwnCommit: false });
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof DomainError) || error.problem !== tooMany) throw error;
      await this.expiredHolds.takeBack(eventId);
      return run();
    }
  }
}

async function findVoucher(
  em: EntityManager,
  eventId: string,
  voucherId: string,
): Promise<{ voucher: Voucher; overdue: Overdue | undefined; shown: VoucherDto }> {
  const voucher = await em.findOne(Voucher, { eventId, id: voucherId });
  if (!voucher) throw voucherNotFound(voucherId);
  const overdue = (await overdueRedemptions(em, eventId)).get(voucherId);
  return { voucher, overdue, shown: toVoucherDto(voucher, overdue) };
}

async function assertEvent(em: EntityManager, eventId: string): Promise<void> {
  if ((await em.count(Event, { id: eventId })) === 0) throw eventNotFound(eventId);
}

async function assertTicketTypes(em: EntityManager, eventId: string, ids: readonly string[] | null): Promise<void> {
  if (ids === null) return;
  const known = new Set((await ticketTypesOf(em, [eventId])).map(({ id }) => id));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined) throw ticketTypeNotFound(unknown);
}

function codeTaken(code: string): (error: unknown) => never {
  return (error) => {
    if (!violates(error, 'vouchers_code_key')) throw error;
    throw new DomainError(VOUCHER_CODE_TAKEN, `The event has a voucher ${code.trim()} already.`);
  };
}

/** @throws DomainError `validation-failed` when it is not exactly one of the two, or not in the currency of the event */
function discountOf({ percent, amount }: VoucherDiscountDto, event: Event): Pick<VoucherDetails, 'percent' | 'amount'> {
  if ((percent === undefined) === (amount === undefined)) {
    throw validationFailed([{ pointer: '/discount', detail: 'discount must have either percent or amount' }]);
  }
  if (amount && amount.currency !== event.currency) {
    const detail = `currency must be ${event.currency}, as that of the event`;
    throw validationFailed([{ pointer: '/discount/amount/currency', detail }]);
  }
  return { percent: percent ?? null, amount: amount?.amount ?? null };
}

const timeOf = (time: string | null | undefined) => (time ? new Date(time) : null);
const idsOf = (ids: readonly string[] | null | undefined) => ids?.map((id) => id.toLowerCase()) ?? null;

function newDetails(dto: CreateVoucherDto, event: Event): VoucherDetails {
  return {
    code: dto.code.trim(),
    ...discountOf(dto.discount, event),
    ticketTypeIds: idsOf(dto.ticketTypeIds),
    startsAt: timeOf(dto.startsAt),
    endsAt: timeOf(dto.endsAt),
    maxRedemptions: dto.maxRedemptions ?? null,
    maxPerCustomer: dto.maxPerCustomer ?? null,
  };
}

function changedDetails(dto: UpdateVoucherDto, event: Event): Partial<VoucherDetails> {
  return {
    ...(dto.code === undefined ? {} : { code: dto.code.trim() }),
    ...(dto.discount === undefined ? {} : discountOf(dto.discount, event)),
    ...(dto.ticketTypeIds === undefined ? {} : { ticketTypeIds: idsOf(dto.ticketTypeIds) }),
    ...(dto.startsAt === undefined ? {} : { startsAt: timeOf(dto.startsAt) }),
    ...(dto.endsAt === undefined ? {} : { endsAt: timeOf(dto.endsAt) }),
    ...(dto.maxRedemptions === undefined ? {} : { maxRedemptions: dto.maxRedemptions }),
    ...(dto.maxPerCustomer === undefined ? {} : { maxPerCustomer: dto.maxPerCustomer }),
  };
}

function voucherChange(
  { actor, requestId }: Author,
  verb: 'created' | 'updated' | 'deleted',
  before: VoucherDto | null,
  after: VoucherDto | null,
): AuditedChange {
  const { id: targetId, eventId } = (after ?? before)!;
  const target = { targetType: 'voucher', targetId, eventId };
  return { actor, requestId, action: `voucher.${verb}`, ...target, before, after };
}
