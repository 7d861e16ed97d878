import { DomainError } from '../../../platform/errors/domain-error.js';
import { EVENT_NOT_ON_SALE, saleRefusal, salesWindowRefusal } from '../../events/index.js';
import { type BookingPolicy, type BookingRequest, ExtendsBooking } from '../extensions/booking-extension.js';

/** Tickets are sold while the event and the ticket type are on sale; a late payment may come until the event starts. */
@ExtendsBooking({ name: 'sales-window', order: 10 })
export class SalesWindowPolicy implements BookingPolicy {
  decide(request: BookingRequest): void {
    const { event, now } = request;
    if (request.kind === 'revive') {
      if (now < event.startsAt) return;
      throw new DomainError(EVENT_NOT_ON_SALE, 'The event has started.', { reason: 'event-started' });
    }
    const ofEvent = saleRefusal(event, now);
    if (ofEvent !== null) {
      throw new DomainError(EVENT_NOT_ON_SALE, `The event is not on sale: ${ofEvent}.`, { reason: ofEvent });
    }
    for (const { ticketType } of request.lines) {
      const reason = salesWindowRefusal(ticketType, now);
      if (reason === null) continue;
      const details = { reason, ticketTypeId: ticketType.id };
      throw new DomainError(EVENT_NOT_ON_SALE, `${ticketType.name} is not on sale: ${reason}.`, details);
    }
  }
}
