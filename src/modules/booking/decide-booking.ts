import { DomainError } from '../../platform/errors/domain-error.js';
import { validationFailed } from '../../platform/errors/platform.errors.js';
import { totalOf } from '../../platform/http/money.js';
import { EVENT_NOT_ON_SALE, salesWindowRefusal } from '../events/index.js';
import { customerIdentity, Order, QUANTITY_OUT_OF_RANGE, SOLD_OUT } from '../orders/index.js';
import type { BookCommand } from './commands.js';
import { type Line, shortagesOf, type TurnLedger } from './turn-ledger.js';

/** All items or none. @throws DomainError as documented at the route */
export function decideBooking(ledger: TurnLedger, command: BookCommand): Order {
  ledger.event.assertOnSale(ledger.now);
  const lines = command.items.map((item) => lineOf(ledger, item));
  const totalAmount = totalOf(lines.map(({ ticketType, quantity }) => ({ quantity, unitPrice: ticketType.priceAmount })));
  if (totalAmount === null) {
    throw validationFailed([{ pointer: '/items', detail: 'the total is over the largest amount, 9007199254740991' }]);
  }
  const expiresAt = command.holdSeconds === null ? null : ledger.endOfHold(command.holdSeconds, ledger.now, '/hold/seconds');
  const tickets = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  ledger.assertWithinCustomerLimit(customerIdentity(command.customer), tickets);
  assertAvailable(lines);

  const [order, transition] = Order.book(
    {
      id: command.orderId,
      eventId: ledger.event.id,
      currency: ledger.event.currency,
      totalAmount,
      customer: command.customer,
      metadata: command.metadata,
      items: lines.map(({ ticketType, quantity }) => ({
        ticketTypeId: ticketType.id,
        name: ticketType.name,
        quantity,
        unitPriceAmount: ticketType.priceAmount,
      })),
      expiresAt,
    },
    ledger.occasion(command.actor),
  );
  ledger.add(order, transition);
  return order;
}

function lineOf(ledger: TurnLedger, { ticketTypeId, quantity }: BookCommand['items'][number]): Line {
  const ticketType = ledger.ticketType(ticketTypeId);
  const { name, minPerOrder, maxPerOrder } = ticketType;
  const reason = salesWindowRefusal(ticketType, ledger.now);
  if (reason !== null) throw new DomainError(EVENT_NOT_ON_SALE, `${name} is not on sale: ${reason}.`, { reason, ticketTypeId });
  if (quantity < minPerOrder || quantity > maxPerOrder) {
    const detail = `Between ${minPerOrder} and ${maxPerOrder} tickets of ${name} can be ordered at once.`;
    throw new DomainError(QUANTITY_OUT_OF_RANGE, detail, { ticketTypeId, minPerOrder, maxPerOrder });
  }
  return { ticketType, quantity };
}

function assertAvailable(lines: readonly Line[]): void {
  const shortages = shortagesOf(lines);
  if (shortages.length === 0) return;
  const verb = shortages.length === 1 ? 'is' : 'are';
  throw new DomainError(SOLD_OUT, `${shortages.length} of the ticket types ${verb} short.`, { shortages });
}
