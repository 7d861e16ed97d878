import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What modules of others rest on. Adding a name is a minor version; taking one away, or changing its meaning, a major one. */
const CONTRACT = `
  Adjustment
  Answer
  ApiCreated
  ApiEventId
  ApiIfMatch
  ApiIfNoneMatch
  ApiPathId
  ApiProblems
  ApiResource
  AuditLog
  AuditedChange
  Author
  AuthorOf
  BookingExtensionOptions
  BookingLine
  BookingPolicy
  BookingRequest
  BooleanField
  COUNTER_BOUNDS
  Caller
  ConsumesDomainEvents
  CountDrift
  Customer
  DATABASE_NOW
  DomainError
  DomainEvent
  DomainEventConsumer
  DomainEventType
  ENVIRONMENT
  EVENT_NOT_FOUND
  EmailField
  EnumField
  EnumListField
  Environment
  Erasure
  Event
  EventCancelled
  EventDto
  EventPublished
  EventUpdated
  EventView
  ExpectedVersions
  ExpiredHolds
  ExtendsBooking
  FieldError
  FieldOptions
  IdempotencyOf
  IdempotencyStore
  Idempotent
  IdempotentRequest
  IntegerField
  Job
  JobQueues
  KeepsCounts
  KeptCounts
  ListField
  MAX_AMOUNT
  MetadataField
  Metrics
  MoneyDto
  NewDomainEvent
  NewJob
  NextCursorField
  ObjectField
  OnDomainEvent
  OptionalIfMatch
  OrderCancelled
  OrderChange
  OrderConfirmed
  OrderDto
  OrderExpired
  OrderExtended
  OrderHeld
  OrderItemView
  OrderPartiallyCancelled
  OrderStatus
  OrderToPrice
  OrderTransitionListener
  OrderView
  OrdersOfEvent
  Owner
  PAGE_MAX_ITEMS
  Page
  PageQueryDto
  PathId
  PersonalDataHolder
  PersonalDataHolders
  PriceAdjustment
  ProblemDefinition
  Public
  QueueDefinition
  RecurringJob
  RequireScope
  RequireScopeOrCustomer
  RequiredIfMatch
  STATEMENT_TIME
  Scope
  SignedMoneyDto
  SubscriptionOptions
  TICKET_TYPE_NOT_FOUND
  TIMESTAMP_SCHEMA
  TextField
  TextListField
  TicketTypeChanged
  TicketTypeView
  TimestampField
  TransactionRetry
  TurnToLoad
  UUID_SCHEMA
  UuidField
  UuidListField
  afterCursor
  allDomainEventTypes
  assertVersion
  databaseNow
  defineDomainEvent
  defineProblem
  defineScope
  defineTag
  eventNotFound
  formatTime
  integerSchema
  lockEvent
  malformed
  recordDomainEvents
  ticketTypeNotFound
  ticketTypesOf
  toPage
  validationFailed
  violates
`;

describe('the extension contract', () => {
  const text = readFileSync(`${ROOT}src/extension.ts`, 'utf8');

  it('has these names and no others', () => {
    const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, list]) => list!);
    const names = lists.flatMap((list) => list.split(',')).map((name) => name.replace(/^\s*type /, '').trim());
    expect(names.filter((name) => name !== '').toSorted()).toEqual(CONTRACT.trim().split(/\s+/).toSorted());
  });

  it('exports names one by one', () => {
    const others = text.split('\n').filter((line) => line.startsWith('export') && !/^export (?:type )?\{/.test(line));
    expect(others).toEqual([]);
  });
});

describe('the guide to extending', () => {
  const examples = (...args: string[]) =>
    spawnSync(process.execPath, ['src/scripts/doc-examples.mjs', ...args], { cwd: ROOT, encoding: 'utf8' });

  it('shows the code of the files that it names', () => {
    const { status, stdout, stderr } = examples('--check');
    expect(stderr).toBe('');
    expect(Number.parseInt(stdout, 10)).toBeGreaterThanOrEqual(15);
    expect(status).toBe(0);
  });

  it('has a page for each line of its table, and shows no code of which the file is not named', () => {
    const guide = readFileSync(`${ROOT}docs/extending.md`, 'utf8');
    const pages = [...new Set([...guide.matchAll(/\((extending\/[\w-]+\.md)\)/g)].map(([, page]) => page!))];
    expect(pages).toHaveLength(12);
    const unnamed = pages.filter((page) => {
      const shown = readFileSync(`${ROOT}docs/${page}`, 'utf8');
      return shown.split('```ts').length !== shown.split('<!-- file: ').length;
    });
    expect(unnamed).toEqual([]);
  });
});
