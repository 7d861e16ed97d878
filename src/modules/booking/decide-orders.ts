import { DomainError } from '../../platform/errors/domain-error.js';
import { EVENT_NOT_ON_SALE, TICKET_TYPE_NOT_FOUND } from '../events/index.js';
import { type Order, QUANTITY_OUT_OF_RANGE } from '../orders/index.js';
import type { CancelOrderCommand, ConfirmCommand, ExtendCommand } from './commands.js';
import { shortagesOf, type TurnLedger } from './turn-ledger.js';

/** Again on a confirmed order: the same answer, no change. @throws DomainError as documented at the route */
export function decideConfirmation(ledger: TurnLedger, command: ConfirmCommand): Order {
  const order = ledger.order(command.orderId);
  if (order.status === 'confirmed') return order;
  const revive = command.reviveIfAvailable && order.statusAt(ledger.now) === 'expired';
  if (!revive) order.assertHeld(ledger.now);
  ledger.assertEventNotCancelled();
  if (revive) reviveOrder(ledger, order, command);
  else ledger.change(order, order.confirm(command.paymentReference, ledger.occasion(command.actor)), order.items);
  return order;
}

/** Books the tickets of an expired hold again, if they are still there. */
function reviveOrder(ledger: TurnLedger, order: Order, command: ConfirmCommand): void {
  const lines = order.items.map(({ ticketTypeId, quantity }) => ({ ticketType: ledger.ticketType(ticketTypeId), quantity }));
  if (ledger.now >= ledger.event.startsAt) {
    throw new DomainError(EVENT_NOT_ON_SALE, 'The event has started.', { reason: 'event-started' });
  }
  // Nobody else has taken the tickets of a hold whose expiry is not stored yet.
  const shortages = order.status === 'held' ? [] : shortagesOf(lines);
  if (shortages.length > 0) order.assertHeld(ledger.now, shortages);
  ledger.assertWithinCustomerLimit(order.customerIdentity, order.tickets);
  if (order.status === 'held') ledger.expire(order);
  ledger.change(order, order.revive(command.paymentReference, ledger.occasion(command.actor)), order.items);
}

/** @throws DomainError as documented at the route */
export function decideExtension(ledger: TurnLedger, command: ExtendCommand): Order {
  const order = ledger.order(command.orderId);
  order.assertHeld(ledger.now);
  ledger.assertEventNotCancelled();
  const expiresAt = ledger.endOfHold(command.seconds, order.createdAt, '/seconds');
  ledger.change(order, order.extend(expiresAt, ledger.occasion(command.actor)), []);
  return order;
}

/** Again on a cancelled order, without items: the same answer, no change. @throws DomainError as documented at the route */
export function decideCancellation(ledger: TurnLedger, command: CancelOrderCommand): Order {
  const order = ledger.order(command.orderId);
  if (command.items === null && order.status === 'cancelled') return order;
  order.assertCancellable(ledger.now);
  for (const { ticketTypeId, quantity } of command.items ?? []) assertCanGiveBack(order, ticketTypeId, quantity);
  const given = command.items?.reduce((sum, { quantity }) => sum + quantity, 0) ?? order.tickets;
  if (given === order.tickets) ledger.cancel(order, command.reason, command.actor);
  else
    ledger.giveBack(
      order,
      new Map(command.items?.map((item) => [item.ticketTypeId, item.quantity])),
      command.reason,
      command.actor,
    );
  return order;
}

function assertCanGiveBack(order: Order, ticketTypeId: string, quantity: number): void {
  const item = order.items.find((candidate) => candidate.ticketTypeId === ticketTypeId);
  if (!item) throw new DomainError(TICKET_TYPE_NOT_FOUND, `The order has no tickets of ticket type ${ticketTypeId}.`);
  if (quantity <= item.quantity) return;
  const detail = `The order has ${item.quantity} tickets of ${item.name}, so ${quantity} cannot be given back.`;
  throw new DomainError(QUANTITY_OUT_OF_RANGE, detail, {
    ticketTypeId,
    minPerOrder: 1,
    maxPerOrder: item.quantity,
  });
}
