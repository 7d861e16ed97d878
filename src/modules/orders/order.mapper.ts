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

/**
 * The order as it is at `now`. A hold past its end is shown as it will be stored: expired, with the version and time that
 * follow, so that its ETag changes at that moment and not again. What extensions keep with it is shown under their members.
 */
export function toOrderDto(order: Order, now: Date): OrderDto {
  const overdue = order.isOverdue(now);
  return {
    id: order.id,
    eventId: order.eventId,
    sequence: order.sequence,
    status: order.statusAt(now),
    items: order.items.getItems().map((item) => toOrderItemDto(item, order.currency)),
    subtotal: { amount: order.subtotalAmount, currency: order.currency },
    adjustments: order.adjustments.map(({ code, label, amount }) => ({
      code,
      label,
      amount: { amount, currency: order.currency },
    })),
    total: { amount: order.totalAmount, currency: order.currency },
    customer: { email: order.customerEmail, name: order.customerName },
    metadata: order.metadata,
    expiresAt: formatTime(order.expiresAt),
    confirmedAt: formatTime(order.confirmedAt),
    paymentReference: order.paymentReference,
    cancelledAt: formatTime(order.cancelledAt),
    cancelReason: order.cancelReason,
    version: overdue ? order.version + 1 : order.version,
    createdAt: formatTime(order.createdAt),
    updatedAt: formatTime(overdue ? order.expiresAt! : order.updatedAt),
    ...order.extensions,
  };
}

export function toOrderTransitionDto(transition: OrderTransition): OrderTransitionDto {
  return {
    sequence: transition.sequence,
    step: transition.step,
    from: transition.fromStatus,
    to: transition.toStatus,
    at: formatTime(transition.at),
    actor: transition.actor,
    reason: transition.reason,
  };
}
