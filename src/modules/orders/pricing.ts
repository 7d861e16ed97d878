import { MAX_AMOUNT, totalOf } from '../../platform/http/money.js';

/** A line that is added to the price of an order. */
export interface Adjustment {
  /** For programs: what kind of line it is, such as `voucher`. 1 to 40 characters. */
  code: string;
  /** For people; 1 to 200 characters. */
  label: string;
  /** Minor units; a discount is negative. */
  amount: number;
}

/** An adjustment as it is stored: who added it is not shown. */
export type StoredAdjustment = Adjustment & { extension: string };

/** What adjustments of an order are stored and shown at most. */
export const MAX_ADJUSTMENTS = 20;

export interface Price {
  adjustments: readonly StoredAdjustment[];
  adjustmentAmount: number;
  totalAmount: number;
}

/** @returns null when it is over the largest amount */
export function subtotalOf(items: Iterable<{ quantity: number; unitPriceAmount: number }>): number | null {
  return totalOf([...items].map(({ quantity, unitPriceAmount }) => ({ quantity, unitPrice: unitPriceAmount })));
}

/**
 * The price of an order: its items, then one adjustment after the other. Discounts that would bring it below zero are cut;
 * lines of nothing are left out.
 * @returns null when it is over the largest amount
 * @throws Error when an adjustment is not a line as {@link Adjustment} says: a fault of the extension
 */
export function priceOf(subtotalAmount: number, wanted: readonly StoredAdjustment[]): Price | null {
  const adjustments: StoredAdjustment[] = [];
  let totalAmount = subtotalAmount;
  for (const adjustment of wanted) {
    assertAdjustment(adjustment);
    const amount = Math.max(adjustment.amount, -totalAmount);
    if (amount === 0) continue;
    totalAmount += amount;
    if (totalAmount > MAX_AMOUNT) return null;
    adjustments.push({ ...adjustment, amount });
  }
  if (adjustments.length > MAX_ADJUSTMENTS) throw new Error(`An order has at most ${MAX_ADJUSTMENTS} adjustments`);
  return { adjustments, adjustmentAmount: totalAmount - subtotalAmount, totalAmount };
}

function assertAdjustment({ extension, code, label, amount }: StoredAdjustment): void {
  const isText = (text: unknown, max: number) => typeof text === 'string' && text.trim() !== '' && text.length <= max;
  if (isText(code, 40) && isText(label, 200) && Number.isSafeInteger(amount)) return;
  throw new Error(`${extension} made an adjustment that is none: ${JSON.stringify({ code, label, amount })}`);
}
