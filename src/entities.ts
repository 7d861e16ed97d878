import { Event, TicketType } from './modules/events/index.js';
import { Order, OrderItem, OrderTransition } from './modules/orders/index.js';
import { AuditEntry } from './platform/audit/audit-entry.entity.js';
import { ApiKey } from './platform/auth/api-key.entity.js';
import { IdempotencyRecord } from './platform/idempotency/idempotency-record.entity.js';

/** Every entity, for the one ORM configuration. */
export const entities = [Event, TicketType, Order, OrderItem, OrderTransition, IdempotencyRecord, ApiKey, AuditEntry];
