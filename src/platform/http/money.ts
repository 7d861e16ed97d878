import { ApiSchema } from '@nestjs/swagger';
import { CurrencyField, IntegerField } from './fields.js';

/** Largest amount in minor units: the largest integer that JSON clients can hold exactly, 2^53 - 1. */
export const MAX_AMOUNT = Number.MAX_SAFE_INTEGER;

@ApiSchema({ name: 'Money' })
export class MoneyDto {
  @IntegerField({ min: 0, max: MAX_AMOUNT, description: 'Minor units of the currency (cents for EUR).', example: 4500 })
  amount!: number;

  @CurrencyField({ description: 'ISO 4217 code.', example: 'EUR' })
  currency!: string;
}

/** Money that may be taken off. */
@ApiSchema({ name: 'SignedMoney' })
export class SignedMoneyDto {
  @IntegerField({
    min: -MAX_AMOUNT,
    max: MAX_AMOUNT,
    description: 'Minor units of the currency (cents for EUR); negative: taken off.',
    example: -900,
  })
  amount!: number;

  @CurrencyField({ description: 'ISO 4217 code.', example: 'EUR' })
  currency!: string;
}

/**
 * The sum of `quantity * unitPrice` in minor units, exactly.
 * @returns null when it is over {@link MAX_AMOUNT}
 */
export function totalOf(lines: ReadonlyArray<{ quantity: number; unitPrice: number }>): number | null {
  const total = lines.reduce((sum, line) => sum + BigInt(line.quantity) * BigInt(line.unitPrice), 0n);
  return total > BigInt(MAX_AMOUNT) ? null : Number(total);
}
