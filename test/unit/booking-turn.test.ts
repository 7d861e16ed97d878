import { BookingTurn } from '../../src/modules/booking/booking-turn.js';
import type { BookCommand, InventoryCommand } from '../../src/modules/booking/commands.js';
import type { LoadedTurn } from '../../src/modules/booking/turn-loader.js';
import { Event, TicketType } from '../../src/modules/events/index.js';
import type { OrderDto } from '../../src/modules/orders/index.js';
import { DomainError } from '../../src/platform/errors/domain-error.js';
import { Answer } from '../../src/platform/idempotency/answer.js';
import { discoverEntities } from '../support/orm.js';

const now = new Date('2027-01-01T12:00:00.000Z');
const later = new Date('2027-06-01T12:00:00.000Z');

function onSale(capacities: number[], maxTicketsPerCustomer: number | null = null): { event: Event; loaded: LoadedTurn } {
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
    ticketsOfCustomer: new Map(),
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
  };
}

function decide({ event, loaded }: ReturnType<typeof onSale>, list: InventoryCommand[]) {
  const turn = new BookingTurn(event, loaded, { holdMaxSeconds: 3600 });
  const outcomes = list.map((command) => turn.decide(command));
  const summary = outcomes.map((outcome) => (outcome instanceof DomainError ? outcome.code : outcome.status));
  return { turn, outcomes, summary };
}

describe('a turn of commands of one event', () => {
  beforeAll(() => {
    discoverEntities();
  });

  it('gives the tickets in the order of the commands, and the sequence tells it', () => {
    const { outcomes, summary } = decide(onSale([3]), [book({ 'type-0': 2 }), book({ 'type-0': 2 }), book({ 'type-0': 1 })]);
    expect(summary).toEqual([201, 'sold-out', 201]);
    expect((outcomes[0] as Answer<OrderDto>).body.sequence).toBe(1);
    expect((outcomes[2] as Answer<OrderDto>).body.sequence).toBe(2);
  });

  it('leaves no trace of a refused command', () => {
    const sale = onSale([5, 1]);
    const { turn, summary } = decide(sale, [book({ 'type-0': 2, 'type-1': 2 })]);
    expect(summary).toEqual(['sold-out']);
    expect(turn.writes).toMatchObject({ newOrders: [], transitions: [], records: [] });
    expect([...turn.writes.counts]).toEqual([]);
    expect(sale.event.sequence).toBe(0);
    expect([...sale.loaded.ticketTypes.values()].map(({ available }) => available)).toEqual([5, 1]);
  });

  it('answers a repeat in the same turn with the answer of its original, and books once', () => {
    const original = book({ 'type-0': 1 }, { key: 'k', fingerprint: 'f' });
    const repeat = book({ 'type-0': 1 }, { key: 'k', fingerprint: 'f' });
    const other = book({ 'type-0': 2 }, { key: 'k', fingerprint: 'g' });
    const { turn, outcomes, summary } = decide(onSale([10]), [original, repeat, other]);
    expect(summary).toEqual([201, 201, 'idempotency-key-reused']);
    expect((outcomes[1] as Answer).replayed).toBe(true);
    expect((outcomes[1] as Answer).body).toEqual((outcomes[0] as Answer).body);
    expect(turn.writes.newOrders).toHaveLength(1);
  });

  it('forgets the key of a refused command', () => {
    const sale = onSale([1]);
    const { summary } = decide(sale, [book({ 'type-0': 2 }, { key: 'k' }), book({ 'type-0': 1 }, { key: 'k' })]);
    expect(summary).toEqual(['sold-out', 201]);
  });

  it('counts what a customer books within the turn against the limit', () => {
    const sale = onSale([10], 3);
    const { summary } = decide(sale, [
      book({ 'type-0': 2 }, { email: 'Ada@Example.com' }),
      book({ 'type-0': 2 }, { email: 'ada@example.com' }),
      book({ 'type-0': 2 }, { email: 'bob@example.com' }),
      book({ 'type-0': 1 }, { email: 'ada@example.com' }),
    ]);
    expect(summary).toEqual([201, 'customer-limit-exceeded', 201, 201]);
  });
});
