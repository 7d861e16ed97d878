export { eraseCustomerInBatch, eventWithOrdersOf, isOf, ordersUnder, type Person } from './customer-erasure.js';
export { Pseudonym } from './pseudonym.js';
export { type Customer, customerIdentity, customerKeyOf, ownedBy } from './customer.js';
export {
  CANCEL_REASON_BOUNDS,
  CUSTOMER_NAME_BOUNDS,
  MAX_ORDER_ITEMS,
  PAYMENT_REFERENCE_BOUNDS,
  QUANTITY_BOUNDS,
} from './dto-fields.js';
export { OrderItem } from './order-item.entity.js';
export { COUNTED_AS, LIVE_STATUSES, ORDER_TRANSITIONS, type OrderStatus } from './order-state.js';
export { OrderTransition } from './order-transition.entity.js';
export { type Occasion, Order } from './order.entity.js';
export { toOrderDto, toOrderTransitionDto } from './order.mapper.js';
export {
  ORDER_FACTS,
  OrderCancelled,
  OrderConfirmed,
  OrderExpired,
  OrderExtended,
  OrderHeld,
  OrderPartiallyCancelled,
} from './order-facts.js';
export { type Adjustment, type Price, priceOf, type StoredAdjustment, subtotalOf } from './pricing.js';
export { ApiOrderId } from './orders.controller.js';
export { OrderDto, OrderTransitionDto } from './orders.dto.js';
export {
  CUSTOMER_LIMIT_EXCEEDED,
  HOLD_EXPIRED,
  ORDER_NOT_CANCELLABLE,
  ORDER_NOT_FOUND,
  ORDER_NOT_HELD,
  orderNotFound,
  QUANTITY_OUT_OF_RANGE,
  SOLD_OUT,
} from './orders.errors.js';
export { OrdersModule } from './orders.module.js';
