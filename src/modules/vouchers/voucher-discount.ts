import type { Adjustment, OrderToPrice } from '../../extension.js';
import type { OrderVoucherDto } from './vouchers.dto.js';

/** What the voucher takes off an order with these lines: nothing when none of them is what it is for. */
export function discountOf({ lines }: Pick<OrderToPrice, 'lines'>, voucher: OrderVoucherDto): Adjustment[] {
  const { code, discount, ticketTypeIds } = voucher;
  const base = lines
    .filter(({ ticketTypeId }) => ticketTypeIds === null || ticketTypeIds.includes(ticketTypeId))
    .reduce((sum, { quantity, unitPriceAmount }) => sum + quantity * unitPriceAmount, 0);
  const off = discount.percent === undefined ? Math.min(discount.amount!.amount, base) : percentOf(base, discount.percent);
  return off === 0 ? [] : [{ code: 'voucher', label: `Voucher ${code}`, amount: -off }];
}

/** Rounded half up, exactly. */
function percentOf(amount: number, percent: number): number {
  return Number((BigInt(amount) * BigInt(percent) + 50n) / 100n);
}
