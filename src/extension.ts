/**
 * The extension contract: what modules of your own may import, and all that the modules on top of the core (webhooks, vouchers)
 * import. It follows semantic versioning with the package: nothing here is renamed, dropped or changed in its meaning within a
 * major version. Everything else under `src` may change at any time. See docs/extending.md.
 */

/** Inside the transaction of a booking. */
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
} from './modules/booking/index.js';
export { type Adjustment, type Customer, type OrderDto, type OrderStatus } from './modules/orders/index.js';

/** After its commit. */
export { ConsumesDomainEvents, type DomainEventConsumer } from './platform/domain-events/consumers.js';
export {
  allDomainEventTypes,
  defineDomainEvent,
  type DomainEvent,
  type DomainEventType,
  type NewDomainEvent,
} from './platform/domain-events/domain-event.js';
export { OnDomainEvent, type SubscriptionOptions } from './platform/domain-events/on-domain-event.decorator.js';
export { recordDomainEvents } from './platform/domain-events/outbox.js';
export { EventCancelled, type EventDto, EventPublished, EventUpdated, TicketTypeChanged } from './modules/events/index.js';
export {
  OrderCancelled,
  OrderConfirmed,
  OrderExpired,
  OrderExtended,
  OrderHeld,
  OrderPartiallyCancelled,
} from './modules/orders/index.js';
export { type Job, JobQueues, type NewJob, type QueueDefinition } from './platform/jobs/job-queues.js';
export { RecurringJob } from './platform/jobs/recurring-job.js';

/** Routes: who may call them, what they take and answer. */
export { Owner, Public, RequireScope, RequireScopeOrCustomer } from './platform/auth/access.decorators.js';
export { Caller } from './platform/auth/access.decorators.js';
export { defineScope, type Scope } from './platform/auth/scopes.js';
export { defineProblem, DomainError, type FieldError, type ProblemDefinition } from './platform/errors/domain-error.js';
export { malformed, validationFailed } from './platform/errors/platform.errors.js';
export { ApiIfMatch, assertVersion, type ExpectedVersions, OptionalIfMatch, RequiredIfMatch } from './platform/http/etag.js';
export {
  BooleanField,
  EmailField,
  EnumField,
  EnumListField,
  type FieldOptions,
  IntegerField,
  ListField,
  MetadataField,
  ObjectField,
  TextField,
  TextListField,
  TimestampField,
  UuidField,
  UuidListField,
} from './platform/http/fields.js';
export { MAX_AMOUNT, MoneyDto, SignedMoneyDto } from './platform/http/money.js';
export { ApiCreated, ApiIfNoneMatch, ApiProblems, ApiResource, defineTag } from './platform/http/openapi.js';
export { afterCursor, NextCursorField, type Page, PAGE_MAX_ITEMS, PageQueryDto, toPage } from './platform/http/pagination.js';
export { ApiPathId, PathId } from './platform/http/path-id.js';
export { formatTime } from './platform/http/times.js';
export { COUNTER_BOUNDS, integerSchema, TIMESTAMP_SCHEMA, UUID_SCHEMA } from './platform/http/value-schemas.js';
export { ApiEventId, EVENT_NOT_FOUND, TICKET_TYPE_NOT_FOUND } from './modules/events/index.js';

/** What staff change belongs in the audit log; personal data of your own is erased with the customer. */
export { type AuditedChange, AuditLog } from './platform/audit/audit-log.js';
export { type Author, AuthorOf } from './platform/audit/author.js';
export {
  type Erasure,
  type OrdersOfEvent,
  type PersonalDataHolder,
  PersonalDataHolders,
} from './platform/personal-data/personal-data-holders.js';

/** Counts of your own are reconciled with those of the core. */
export { type CountDrift, KeepsCounts, type KeptCounts } from './platform/kept-counts/kept-counts.js';

/** Changes of your own: a repeat with the same key has one effect; the event row is locked first. */
export { Answer } from './platform/idempotency/answer.js';
export type { IdempotentRequest } from './platform/idempotency/idempotency-key.js';
export { IdempotencyStore } from './platform/idempotency/idempotency.store.js';
export { Idempotent, IdempotencyOf } from './platform/idempotency/idempotent.decorator.js';
export { Event, eventNotFound, ExpiredHolds, lockEvent, ticketTypeNotFound, ticketTypesOf } from './modules/events/index.js';
export { DATABASE_NOW, databaseNow, STATEMENT_TIME } from './platform/database/clock.js';
export { violates } from './platform/database/database-errors.js';
export { TransactionRetry } from './platform/database/transaction-retry.js';
/** Metrics of your own. */
export { Metrics } from './platform/observability/metrics.js';
export { ENVIRONMENT } from './platform/config/config.module.js';
export type { Environment } from './platform/config/environment.js';
