import { ArrayType, BigIntType } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { DomainError, validationFailed } from '../../extension.js';
import { VOUCHER_MAX_BELOW_REDEMPTIONS } from './vouchers.errors.js';

/** What an organiser says about a voucher. */
export interface VoucherDetails {
  code: string;
  /** Exactly one of the two. */
  percent: number | null;
  /** Minor units. */
  amount: number | null;
  /** Null: for all of the event. */
  ticketTypeIds: string[] | null;
  startsAt: Date | null;
  endsAt: Date | null;
  maxRedemptions: number | null;
  maxPerCustomer: number | null;
}

/** A code as it is compared: however somebody writes its letters. */
export function codeKeyOf(code: string): string {
  return code.normalize('NFKC').trim().toUpperCase().normalize('NFKC').toLowerCase();
}

/** What a voucher with this code may have as its key: those that were made first are in lower case, and that is all. */
export function codeKeysOf(code: string): string[] {
  return [...new Set([codeKeyOf(code), code.trim().toLowerCase()])];
}

@Entity({ tableName: 'vouchers' })
export class Voucher implements VoucherDetails {
  @PrimaryKey({ type: 'uuid' })
  eventId!: string;

  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'text' })
  code!: string;

  @Property({ type: 'text' })
  codeKey!: string;

  @Property({ type: 'smallint', nullable: true })
  percent!: number | null;

  @Property({ type: new BigIntType('number'), nullable: true })
  amount!: number | null;

  @Property({ type: 'text' })
  currency!: string;

  @Property({ type: ArrayType, nullable: true })
  ticketTypeIds!: string[] | null;

  @Property({ type: 'datetime', nullable: true })
  startsAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  endsAt!: Date | null;

  @Property({ type: 'integer', nullable: true })
  maxRedemptions!: number | null;

  @Property({ type: 'integer', nullable: true })
  maxPerCustomer!: number | null;

  /** Held and confirmed orders that use it. The policy writes it, as a difference. */
  @Property({ type: 'integer' })
  redemptions!: number;

  /** Grows with each change, redemptions too: they are shown. */
  @Property({ type: 'integer' })
  version!: number;

  @Property({ type: 'datetime' })
  createdAt!: Date;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  /** @throws DomainError `validation-failed` when the window is empty */
  static of(event: { id: string; currency: string }, id: string, details: VoucherDetails, now: Date): Voucher {
    assertWindow(details);
    return Object.assign(new Voucher(), details, {
      id,
      eventId: event.id,
      codeKey: codeKeyOf(details.code),
      currency: event.currency,
      redemptions: 0,
      version: 1,
      createdAt: now,
      updatedAt: now,
    });
  }

  /** Orders that use it keep what they have. @throws DomainError `validation-failed`, `voucher-max-below-redemptions` */
  change(changes: Partial<VoucherDetails>, now: Date): void {
    const { startsAt = this.startsAt, endsAt = this.endsAt, maxRedemptions = this.maxRedemptions, code = this.code } = changes;
    assertWindow({ startsAt, endsAt });
    if (maxRedemptions !== null && maxRedemptions < this.redemptions) {
      const detail = `${this.redemptions} orders use the voucher, so maxRedemptions cannot be ${maxRedemptions}.`;
      throw new DomainError(VOUCHER_MAX_BELOW_REDEMPTIONS, detail, { redemptions: this.redemptions });
    }
    Object.assign(this, changes, { codeKey: codeKeyOf(code), version: this.version + 1, updatedAt: now });
  }
}

function assertWindow({ startsAt, endsAt }: Pick<VoucherDetails, 'startsAt' | 'endsAt'>): void {
  if (startsAt && endsAt && endsAt <= startsAt) {
    throw validationFailed([{ pointer: '/endsAt', detail: 'endsAt must be after startsAt' }]);
  }
}
