import { defineDomainEvent, type DomainEventType } from '../../platform/domain-events/domain-event.js';
import type { OrderStep } from './order-state.js';
import type { OrderDto } from './orders.dto.js';

const fact = (type: string, description: string) =>
  defineDomainEvent<OrderDto>({ type, version: 1, description, schema: 'Order' });

export const OrderHeld = fact('order.held', 'Tickets are held for an order.');
export const OrderConfirmed = fact('order.confirmed', 'The tickets of an order are sold, at once, after a hold, or late.');
export const OrderExtended = fact('order.extended', 'A hold ends later.');
export const OrderPartiallyCancelled = fact('order.partially-cancelled', 'Some tickets of an order were given back.');
export const OrderCancelled = fact('order.cancelled', 'All tickets of an order were given back.');
export const OrderExpired = fact('order.expired', 'A hold has ended; its tickets are available again.');

/** The fact of each step: every line of history has one, so that their sequences have no gap. */
export const ORDER_FACTS: Record<OrderStep, DomainEventType<OrderDto>> = {
  hold: OrderHeld,
  book: OrderConfirmed,
  confirm: OrderConfirmed,
  revive: OrderConfirmed,
  extend: OrderExtended,
  'cancel-partly': OrderPartiallyCancelled,
  cancel: OrderCancelled,
  expire: OrderExpired,
};
