import { formatTime } from '../../platform/http/times.js';
import type { OrderItem } from './order-item.entity.js';
import type { OrderTransition } from './order-transition.entity.js';
import type { Order } from './order.entity.js';
import type { OrderDto, OrderItemDto, OrderTransitionDto } from './orders.dto.js';

function toOrderItemDto(item: OrderItem, currency: string): OrderItemDto {
  return {
    ticketTypeId: item.ticketTypeId,
    name: item.name,
    quantity: item.quantity,
    unitPrice: { amount: item.unitPriceAmount, currency },
    subtotal: { amount: item.quantity * item.unitPriceAmount, currency },
  };
}

export function toOrderDto(order: Order): OrderDto {
  return {
    id: order.id,
    eventId: order.eventId,
    sequence: order.sequence,
    status: order.status,
    items: order.items.getItems().map((item) => toOrderItemDto(item, order.currency)),
    total: { amount: order.totalAmount, currency: order.currency },
    customer: { email: order.customerEmail, name: order.customerName },
    metadata: order.metadata,
    expiresAt: formatTime(order.expiresAt),
    confirmedAt: formatTime(order.confirmedAt),
    cancelledAt: formatTime(order.cancelledAt),
    cancelReason: order.cancelReason,
    version: order.version,
    createdAt: formatTime(order.createdAt),
    updatedAt: formatTime(order.updatedAt),
  };
}

export function toOrderTransitionDto(transition: OrderTransition): OrderTransitionDto {
  return {
    sequence: transition.sequence,
    from: transition.fromStatus,
    to: transition.toStatus,
    at: formatTime(transition.at),
    actor: transition.actor,
    reason: transition.reason,
  };
}
