export { BookingModule } from './booking.module.js';
export { BookingService } from './booking.service.js';
export {
  type BookingExtensionOptions,
  type BookingLine,
  type BookingPolicy,
  type BookingRequest,
  type EventView,
  ExtendsBooking,
  type OrderChange,
  type OrderItemView,
  type OrderToPrice,
  type OrderTransitionListener,
  type OrderView,
  type PriceAdjustment,
  type TicketTypeView,
  type TurnToLoad,
} from './extensions/booking-extension.js';
