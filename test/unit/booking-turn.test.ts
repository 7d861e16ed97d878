import type { EntityManager } from '@mikro-orm/postgresql';
import { BookingTurn } from '../../src/modules/booking/booking-turn.js';
import type { BookCommand, InventoryCommand } from '../../src/modules/booking/commands.js';
import type { BookingExtension } from '../../src/modules/booking/extensions/booking-extension.js';
import { requestsOf } from '../../src/modules/booking/extensions/booking-requests.js';
import { TurnExtensions } from '../../src/modules/booking/extensions/turn-extensions.js';
import { CustomerLimitPolicy } from '../../src/modules/booking/policies/customer-limit.policy.js';
import { QuantityBoundsPolicy } from '../../src/modules/booking/policies/quantity-bounds.policy.js';
import { SalesWindowPolicy } from '../../src/modules/booking/policies/sales-window.policy.js';
import type { LoadedTurn } from '../../src/modules/booking/turn-loader.js';
import { Event, TicketType } from '../../src/modules/events/index.js';
import type { OrderDto } from '../../src/modules/orders/index.js';
import { DomainError } from '../../src/platform/errors/domain-error.js';
import { Answer } from '../../src/platform/idempotency/answer.js';
import { discoverEntities } from '../support/orm.js';

const now = new Date('2027-01-01T12:00:00.000Z');
const later = new Date('2027-06-01T12:00:00.000Z');

interface Sale {
  event: Event;
  loaded: Omit<LoadedTurn, 'requests' | 'extensions'>;
}

function onSale(capacities: number[], maxTicketsPerCustomer: number | null = null): Sale {
  const event = Event.draft(
    'event',
    'EUR',
    {
      name: 'Concert',
      description: null,
      venue: null,
      startsAt: later,
      endsAt: null,
      timeZone: 'UTC',
      salesOpenAt: null,
      salesCloseAt: null,
      maxTicketsPerCustomer,
      metadata: {},
    },
    now,
  );
  event.publish(now);
  const window = { salesOpenAt: null, salesCloseAt: null, minPerOrder: 1, maxPerOrder: 10 };
  const ticketTypes = capacities.map((capacity, index) =>
    TicketType.of(
      event,
      `type-${index}`,
      { name: `Type ${index}`, description: null, priceAmount: 100, capacity, ...window },
      now,
    ),
  );
  const loaded = {
    now,
    ticketTypes: new Map(ticketTypes.map((ticketType) => [ticketType.id, ticketType])),
    remembered: new Map(),
    orders: new Map(),
    overdueHolds: [],
    ordersToCancel: [],
  };
  return { event, loaded };
}

let commands = 0;
function book(items: Record<string, number>, options: { key?: string; fingerprint?: string; email?: string } = {}): BookCommand {
  const id = `order-${++commands}`;
  return {
    kind: 'book',
    actor: 'tester',
    owner: null,
    orderId: id,
    request: { caller: 'tester', key: options.key ?? id, fingerprint: options.fingerprint ?? id },
    items: Object.entries(items).map(([ticketTypeId, quantity]) => ({ ticketTypeId, quantity })),
    customer: { email: options.email ?? 'ada@example.com', name: null, subject: null },
    metadata: {},
    holdSeconds: null,
    body: null,
  };
}

/** The policies of the core, on an event that nobody has booked yet. */
const policies = [
  new SalesWindowPolicy(),
  new QuantityBoundsPolicy(),
  Object.assign(new CustomerLimitPolicy(), { load: () => Promise.resolve(new Map<string, number>()) }),
];

async function decide({ event, loaded }: Sale, list: InventoryCommand[], more: BookingExtension[] = []) {
  const requests = requestsOf(list, { event, ...loaded });
  const registered = [...policies, ...more].map((extension, index) => ({
    name: `extension-${index}`,
    member: 'extra',
    extension: extension as BookingExtension,
  }));
  const scene = { event, now, requests: [...requests.values()], orders: [] };
  const extensions = await TurnExtensions.load(registered, {} as EntityManager, scene);
  const turn = new BookingTurn(event, { ...loaded, requests, extensions }, { holdMaxSeconds: 3600 });
  const outcomes = list.map((command) => turn.decide(command));
  const summary = outcomes.map((outcome) => {
    if (outcome instanceof Answer) return outcome.status;
    return outcome instanceof DomainError ? outcome.code : outcome.message;
  });
  return { turn, outcomes, summary };
}

describe('a turn of commands of one event', () => {
  beforeAll(() => {
    discoverEntities();
  });

  it('gives the tickets in the order of the commands, and the sequence tells it', async () => {
    const { outcomes, summary } = await decide(onSale([3]), [
      book({ 'type-0': 2 }),
      book({ 'type-0': 2 }),
      book({ 'type-0': 1 }),
    ]);
    expect(summary).toEqual([201, 'sold-out', 201]);
    expect((outcomes[0] as Answer<OrderDto>).body.sequence).toBe(1);
    expect((outcomes[2] as Answer<OrderDto>).body.sequence).toBe(2);
  });

  it('leaves no trace of a refused command', async () => {
    const sale = onSale([5, 1]);
    const { turn, summary } = await decide(sale, [book({ 'type-0': 2, 'type-1': 2 })]);
    expect(summary).toEqual(['sold-out']);
    expect(turn.writes).toMatchObject({ newOrders: [], transitions: [], records: [] });
    expect([...turn.writes.counts]).toEqual([]);
    expect(sale.event.sequence).toBe(0);
    expect([...sale.loaded.ticketTypes.values()].map(({ available }) => available)).toEqual([5, 1]);
  });

  it('answers a repeat in the same turn with the answer of its original, and books once', async () => {
    const original = book({ 'type-0': 1 }, { key: 'k', fingerprint: 'f' });
    const repeat = book({ 'type-0': 1 }, { key: 'k', fingerprint: 'f' });
    const other = book({ 'type-0': 2 }, { key: 'k', fingerprint: 'g' });
    const { turn, outcomes, summary } = await decide(onSale([10]), [original, repeat, other]);
    expect(summary).toEqual([201, 201, 'idempotency-key-reused']);
    expect((outcomes[1] as Answer).replayed).toBe(true);
    expect((outcomes[1] as Answer).body).toEqual((outcomes[0] as Answer).body);
    expect(turn.writes.newOrders).toHaveLength(1);
  });

  it('forgets the key of a refused command', async () => {
    const sale = onSale([1]);
    const { summary } = await decide(sale, [book({ 'type-0': 2 }, { key: 'k' }), book({ 'type-0': 1 }, { key: 'k' })]);
    expect(summary).toEqual(['sold-out', 201]);
  });

  it('lets an extension that fails unexpectedly fail its own command only', async () => {
    const poison = {
      decide: ({ customer }: { customer: { email: string } }) => {
        if (customer.email === 'eve@example.com') throw new TypeError('broken');
      },
    };
    const list = [book({ 'type-0': 1 }), book({ 'type-0': 1 }, { email: 'eve@example.com' }), book({ 'type-0': 1 })];
    const { summary, turn } = await decide(onSale([10]), list, [poison]);
    expect(summary).toEqual([201, 'The extension extension-3 failed: broken', 201]);
    expect(turn.writes.newOrders).toHaveLength(2);
    expect(turn.writes.transitions.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it('cuts discounts at zero and refuses adjustments that are none', async () => {
    const discount = { adjust: () => [{ code: 'gift', label: 'Gift', amount: -250 }] };
    const { outcomes } = await decide(onSale([10]), [book({ 'type-0': 2 }), book({ 'type-0': 3 })], [discount]);
    const bodies = outcomes.map((outcome) => (outcome as Answer<OrderDto>).body);
    expect(bodies.map(({ subtotal, total }) => [subtotal.amount, total.amount])).toEqual([
      [200, 0],
      [300, 50],
    ]);
    const broken = { adjust: () => [{ code: 'gift', label: 'Gift', amount: 0.5 }] };
    expect((await decide(onSale([10]), [book({ 'type-0': 1 })], [broken])).summary).toEqual([
      expect.stringContaining('an adjustment that is none'),
    ]);
  });

  it('counts what a customer books within the turn against the limit', async () => {
    const sale = onSale([10], 3);
    const { summary } = await decide(sale, [
      book({ 'type-0': 2 }, { email: 'Ada@Example.com' }),
      book({ 'type-0': 2 }, { email: 'ada@example.com' }),
      book({ 'type-0': 2 }, { email: 'bob@example.com' }),
      book({ 'type-0': 1 }, { email: 'ada@example.com' }),
    ]);
    expect(summary).toEqual([201, 'customer-limit-exceeded', 201, 201]);
  });
});
