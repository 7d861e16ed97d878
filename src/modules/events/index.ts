export { auditedEvent, eventChange } from './audited.js';
export { seedDemoEvent } from './demo-event.js';
export { DEMO } from './demo-ids.js';
export { MAX_CAPACITY, MAX_CUSTOMER_LIMIT, MAX_TICKET_TYPES, NAME_BOUNDS } from './dto-fields.js';
export { Event, saleRefusal, salesWindowRefusal } from './event.entity.js';
export { EventCancelled, eventFact, EventPublished, EventUpdated, TicketTypeChanged } from './event-facts.js';
export { ExpiredHolds } from './expired-holds.js';
export { lockEvent } from './event-lock.js';
export { toEventDto } from './event.mapper.js';
export { ticketTypesOf } from './event-queries.js';
export { ApiEventId } from './events.controller.js';
export { EventDto } from './events.dto.js';
export {
  EVENT_NOT_FOUND,
  EVENT_NOT_ON_SALE,
  eventNotFound,
  INVALID_TRANSITION,
  TICKET_TYPE_NOT_FOUND,
  ticketTypeNotFound,
} from './events.errors.js';
export { EventsModule } from './events.module.js';
export { type Counter, MAX_PER_ORDER, TicketType } from './ticket-type.entity.js';
