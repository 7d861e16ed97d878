import { validationFailed } from '../../platform/errors/platform.errors.js';
import type { Event } from '../events/index.js';
import { type Price, priceOf, type StoredAdjustment, subtotalOf } from '../orders/index.js';
import type { OrderToPrice } from './extensions/booking-extension.js';
import { ExtensionFailure, type TurnExtensions } from './extensions/turn-extensions.js';

/**
 * The price of an order with these lines.
 * @param kept what extensions keep with the order
 * @param stored the adjustments that it has already
 * @returns null when it is over the largest amount
 */
export function priceOfOrder(
  extensions: TurnExtensions,
  event: Event,
  lines: OrderToPrice['lines'],
  kept: Record<string, object>,
  stored: readonly StoredAdjustment[] = [],
): Price | null {
  const subtotalAmount = subtotalOf(lines);
  if (subtotalAmount === null) return null;
  const adjustments = extensions.adjust({ event, currency: event.currency, lines, subtotalAmount }, kept, stored);
  try {
    return priceOf(subtotalAmount, adjustments);
  } catch (error) {
    throw new ExtensionFailure('of the price', error);
  }
}

export function amountTooLarge() {
  return validationFailed([{ pointer: '/items', detail: 'the total is over the largest amount, 9007199254740991' }]);
}
