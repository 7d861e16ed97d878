export { BookingModule } from './booking.module.js';
export { BookingService } from './booking.service.js';
