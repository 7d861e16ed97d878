import { DomainError } from '../../platform/errors/domain-error.js';
import { Order, SOLD_OUT } from '../orders/index.js';
import type { BookCommand } from './commands.js';
import type { Line } from './extensions/booking-requests.js';
import { amountTooLarge, priceOfOrder } from './pricing.js';
import { shortagesOf, type TurnLedger } from './turn-ledger.js';

/** All items or none. @throws DomainError as documented at the route, or as an extension refuses; ExtensionFailure */
export function decideBooking(ledger: TurnLedger, command: BookCommand): Order {
  const { event, loaded, now } = ledger;
  // A fault of the request comes before what the event has to say to it.
  const expiresAt = command.holdSeconds === null ? null : ledger.endOfHold(command.holdSeconds, now, '/hold/seconds');
  const request = loaded.requests.get(command)!;
  const extensions = loaded.extensions.decide(request);
  const { lines } = request;
  const items = lines.map(({ ticketType, quantity }) => ({
    ticketTypeId: ticketType.id,
    name: ticketType.name,
    quantity,
    unitPriceAmount: ticketType.priceAmount,
  }));
  const price = priceOfOrder(loaded.extensions, event, items, extensions);
  if (price === null) throw amountTooLarge();
  assertAvailable(lines);

  const [order, transition] = Order.book(
    {
      id: command.orderId,
      eventId: event.id,
      currency: event.currency,
      price,
      customer: command.customer,
      metadata: command.metadata,
      extensions,
      items,
      expiresAt,
    },
    ledger.occasion(command.actor),
  );
  ledger.add(order, transition);
  return order;
}

function assertAvailable(lines: readonly Line[]): void {
  const shortages = shortagesOf(lines);
  if (shortages.length === 0) return;
  const verb = shortages.length === 1 ? 'is' : 'are';
  throw new DomainError(SOLD_OUT, `${shortages.length} of the ticket types ${verb} short.`, { shortages });
}
