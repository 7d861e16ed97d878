import { DomainError } from '../../platform/errors/domain-error.js';
import { TICKET_TYPE_NOT_FOUND } from '../events/index.js';
import { type Order, QUANTITY_OUT_OF_RANGE } from '../orders/index.js';
import type { CancelOrderCommand, ConfirmCommand, ExtendCommand } from './commands.js';
import { shortagesOf, type TurnLedger } from './turn-ledger.js';

/** Again on a confirmed order: the same answer, no change. @throws DomainError as documented at the route */
export function decideConfirmation(ledger: TurnLedger, command: ConfirmCommand): Order {
  const order = ledger.order(command.orderId, command.owner);
  if (order.status === 'confirmed') return order;
  const revive = command.reviveIfAvailable && order.statusAt(ledger.now) === 'expired';
  if (!revive) order.assertHeld(ledger.now);
  ledger.assertEventNotCancelled();
  if (revive) reviveOrder(ledger, order, command);
  else ledger.change(order, order.confirm(command.paymentReference, ledger.occasion(command.actor)));
  return order;
}

/** Books the tickets of an expired hold again, if they are still there. */
function reviveOrder(ledger: TurnLedger, order: Order, command: ConfirmCommand): void {
  const request = ledger.loaded.requests.get(command)!;
  ledger.loaded.extensions.decide(request);
  // Nobody else has taken the tickets of a hold whose expiry is not stored yet.
  const shortages = order.status === 'held' ? [] : shortagesOf(request.lines);
  if (shortages.length > 0) order.assertHeld(ledger.now, shortages);
  if (order.status === 'held') ledger.expire(order);
  ledger.change(order, order.revive(command.paymentReference, ledger.occasion(command.actor)));
}

/** @throws DomainError as documented at the route */
export function decideExtension(ledger: TurnLedger, command: ExtendCommand): Order {
  const order = ledger.order(command.orderId, command.owner);
  order.assertHeld(ledger.now);
  ledger.assertEventNotCancelled();
  const expiresAt = ledger.endOfHold(command.seconds, order.createdAt, '/seconds');
  ledger.change(order, order.extend(expiresAt, ledger.occasion(command.actor)));
  return order;
}

/** Again on a cancelled order, without items: the same answer, no change. @throws DomainError as documented at the route */
export function decideCancellation(ledger: TurnLedger, command: CancelOrderCommand): Order {
  const order = ledger.order(command.orderId, command.owner);
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
