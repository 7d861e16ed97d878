import { DomainError } from '../../../platform/errors/domain-error.js';
import { QUANTITY_OUT_OF_RANGE } from '../../orders/index.js';
import { type BookingPolicy, type BookingRequest, ExtendsBooking } from '../extensions/booking-extension.js';

/** What one order may have of a ticket type. An order that is revived keeps what it had. */
@ExtendsBooking({ name: 'quantity-bounds', order: 20 })
export class QuantityBoundsPolicy implements BookingPolicy {
  decide(request: BookingRequest): void {
    if (request.kind === 'revive') return;
    for (const { ticketType, quantity } of request.lines) {
      const { id: ticketTypeId, name, minPerOrder, maxPerOrder } = ticketType;
      if (minPerOrder <= quantity && quantity <= maxPerOrder) continue;
      const detail = `Between ${minPerOrder} and ${maxPerOrder} tickets of ${name} can be ordered at once.`;
      throw new DomainError(QUANTITY_OUT_OF_RANGE, detail, { ticketTypeId, minPerOrder, maxPerOrder });
    }
  }
}
