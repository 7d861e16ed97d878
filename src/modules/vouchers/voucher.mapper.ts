import { formatTime } from '../../extension.js';
import type { Overdue } from './overdue-redemptions.js';
import type { Voucher } from './voucher.entity.js';
import type { VoucherDiscountDto, VoucherDto } from './vouchers.dto.js';

export function toDiscountDto({
  percent,
  amount,
  currency,
}: Pick<Voucher, 'percent' | 'amount' | 'currency'>): VoucherDiscountDto {
  return percent === null ? { amount: { amount: amount!, currency } } : { percent };
}

/**
 * The voucher without the redemptions of holds past their end: as it will be stored once these are, with the version and time
 * that follow, so that its ETag changes when the hold ends and not again.
 */
export function toVoucherDto(voucher: Voucher, overdue: Overdue | undefined): VoucherDto {
  const updatedAt = overdue && overdue.lastEndedAt > voucher.updatedAt ? overdue.lastEndedAt : voucher.updatedAt;
  return {
    id: voucher.id,
    eventId: voucher.eventId,
    code: voucher.code,
    discount: toDiscountDto(voucher),
    ticketTypeIds: voucher.ticketTypeIds,
    startsAt: formatTime(voucher.startsAt),
    endsAt: formatTime(voucher.endsAt),
    maxRedemptions: voucher.maxRedemptions,
    maxPerCustomer: voucher.maxPerCustomer,
    redemptions: voucher.redemptions - (overdue?.count ?? 0),
    version: voucher.version + (overdue?.count ?? 0),
    createdAt: formatTime(voucher.createdAt),
    updatedAt: formatTime(updatedAt),
  };
}
