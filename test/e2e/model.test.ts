import fc from 'fast-check';
import { startApp, type TestApp } from '../support/app.js';
import type { Reply } from '../support/client.js';
import { createEvent, createTicketType } from '../support/factories.js';
import { EventModel, type ModelReply } from '../support/model.js';

const RUNS = 60;
const OPERATIONS = 30;
const TYPES = 3;
const MAX_PER_ORDER = 6;
const CUSTOMER_LIMIT = 14;

type Operation =
  | { do: 'book'; items: Array<[type: number, quantity: number]>; customer: number; key: number }
  | { do: 'cancel-order'; order: number }
  | { do: 'set-capacity'; type: number; capacity: number }
  | { do: 'cancel-event' };

const book = fc.record({
  do: fc.constant('book' as const),
  items: fc.uniqueArray(fc.tuple(fc.nat(TYPES - 1), fc.integer({ min: 1, max: MAX_PER_ORDER + 1 })), {
    minLength: 1,
    maxLength: TYPES,
    selector: ([type]) => type,
  }),
  customer: fc.nat(3),
  // Few keys, so that some come again, with the same request or another.
  key: fc.nat(25),
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { arbitrary: book, weight: 12 },
  { arbitrary: fc.record({ do: fc.constant('cancel-order' as const), order: fc.nat(20) }), weight: 4 },
  {
    arbitrary: fc.record({ do: fc.constant('set-capacity' as const), type: fc.nat(TYPES - 1), capacity: fc.nat(20) }),
    weight: 3,
  },
  { arbitrary: fc.constant({ do: 'cancel-event' as const }), weight: 1 },
);

describe('random operations', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  async function eventFor(model: EventModel): Promise<{ eventId: string; types: string[] }> {
    const { api } = running;
    const eventId = await createEvent(api, { maxTicketsPerCustomer: model.customerLimit });
    const types: string[] = [];
    for (const capacity of model.capacities)
      types.push(await createTicketType(api, eventId, { capacity, maxPerOrder: model.maxPerOrder }));
    await api.post(`/v1/events/${eventId}/publish`);
    return { eventId, types };
  }

  function agree(reply: Reply, expected: ModelReply): void {
    expect({ status: reply.status, code: reply.body.code }).toEqual({ status: expected.status, code: expected.code });
  }

  async function perform(step: Operation, model: EventModel, eventId: string, types: string[]): Promise<void> {
    const { api } = running;
    switch (step.do) {
      case 'book': {
        const expected = model.book(new Map(step.items), step.customer, `${step.key}`);
        const items = Object.fromEntries(step.items.map(([type, quantity]) => [types[type]!, quantity]));
        const reply = await api.book(eventId, items, {
          key: `${eventId}-${step.key}`,
          email: `customer-${step.customer}@example.com`,
        });
        agree(reply, expected);
        expect(reply.headers.get('idempotent-replayed')).toBe(expected.replayed ? 'true' : null);
        if (expected.order && !expected.replayed) expected.order.id = reply.body.id as string;
        else if (expected.order) expect(reply.body.id).toBe(expected.order.id);
        return;
      }
      case 'cancel-order': {
        const order = model.orders[step.order];
        if (order) agree(await api.post(`/v1/orders/${order.id}/cancel`), model.cancelOrder(order));
        return;
      }
      case 'set-capacity': {
        const path = `/v1/events/${eventId}/ticket-types/${types[step.type]!}`;
        agree(
          await api.patch(path, { capacity: step.capacity }, { 'if-match': '*' }),
          model.setCapacity(step.type, step.capacity),
        );
        return;
      }
      case 'cancel-event':
        agree(await api.post(`/v1/events/${eventId}/cancel`), model.cancelEvent());
    }
  }

  it(`${RUNS} runs of up to ${OPERATIONS} agree with the model, answer by answer and count by count`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: OPERATIONS, size: 'max' }), async (steps) => {
        const model = new EventModel([8, 12, 5], MAX_PER_ORDER, CUSTOMER_LIMIT);
        const { eventId, types } = await eventFor(model);
        for (const step of steps) await perform(step, model, eventId, types);
        const { body } = await running.api.get(`/v1/events/${eventId}/availability`);
        const counts = body.ticketTypes.map((type: { capacity: number; sold: number }) => [type.capacity, type.sold]);
        expect(counts).toEqual(model.capacities.map((capacity, type) => [capacity, model.sold(type)]));
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
