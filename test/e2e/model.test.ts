import fc from 'fast-check';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { startApp, type TestApp } from '../support/app.js';
import type { Reply } from '../support/client.js';
import { createEvent, createTicketType } from '../support/factories.js';
import { EventModel, type ModelOrder, type ModelReply } from '../support/model.js';

const RUNS = 200;
const OPERATIONS = 30;
const TYPES = 3;
const MAX_PER_ORDER = 6;
const CUSTOMER_LIMIT = 14;

type Items = Array<[type: number, quantity: number]>;
type Operation =
  | { do: 'book'; items: Items; customer: number; hold: boolean; key: number }
  | { do: 'confirm'; order: number; revive: boolean; key: number | null }
  | { do: 'extend'; order: number; key: number | null }
  | { do: 'cancel'; order: number; items: Items | null; key: number | null }
  | { do: 'let-expire'; order: number }
  | { do: 'sweep' }
  | { do: 'set-capacity'; type: number; capacity: number }
  | { do: 'cancel-event' };

const itemsUpTo = (largest: number) =>
  fc.uniqueArray(fc.tuple(fc.nat(TYPES - 1), fc.integer({ min: 1, max: largest })), {
    minLength: 1,
    maxLength: TYPES,
    selector: ([type]) => type,
  });
// Few keys, so that some come again, with the same request or another.
const key = fc.nat(30);
const maybeKey = fc.option(key, { freq: 2 });
const order = fc.nat(12);
const is = <T extends string>(name: T) => fc.constant(name);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: is('book'), items: itemsUpTo(MAX_PER_ORDER + 1), customer: fc.nat(3), hold: fc.boolean(), key }),
  },
  { weight: 5, arbitrary: fc.record({ do: is('confirm'), order, revive: fc.boolean(), key: maybeKey }) },
  { weight: 2, arbitrary: fc.record({ do: is('extend'), order, key: maybeKey }) },
  { weight: 5, arbitrary: fc.record({ do: is('cancel'), order, items: fc.option(itemsUpTo(3), { freq: 2 }), key: maybeKey }) },
  { weight: 4, arbitrary: fc.record({ do: is('let-expire'), order }) },
  { weight: 1, arbitrary: fc.record({ do: is('sweep') }) },
  { weight: 2, arbitrary: fc.record({ do: is('set-capacity'), type: fc.nat(TYPES - 1), capacity: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: is('cancel-event') }) },
);

describe('random operations', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  /** One event, and the model of it. */
  async function newEvent() {
    const { api, database, app } = running;
    const model = new EventModel([8, 12, 5], MAX_PER_ORDER, CUSTOMER_LIMIT);
    const eventId = await createEvent(api, { maxTicketsPerCustomer: model.customerLimit });
    const types: string[] = [];
    for (const capacity of model.capacities) {
      types.push(await createTicketType(api, eventId, { capacity, maxPerOrder: model.maxPerOrder }));
    }
    await api.post(`/v1/events/${eventId}/publish`);

    const itemsOf = (items: Items) => items.map(([type, quantity]) => ({ ticketTypeId: types[type]!, quantity }));
    const keyOf = (number: number | null): Record<string, string> =>
      number === null ? {} : { 'idempotency-key': `${eventId}-${number}` };
    const agree = (reply: Reply, expected: ModelReply) => {
      const { id, status, items } = reply.body as { id?: string; status?: string; items?: Array<{ quantity: number }> };
      const tickets = items?.reduce((sum, { quantity }) => sum + quantity, 0);
      expect({
        status: reply.status,
        code: reply.body.code,
        replayed: reply.headers.get('idempotent-replayed') === 'true',
        ...(expected.order ? { order: { id, status, tickets } } : {}),
      }).toEqual({ code: undefined, replayed: false, ...expected });
    };
    const onOrder = async (
      place: number,
      path: string,
      number: number | null,
      body: object,
      work: (order: ModelOrder) => ModelReply,
    ) => {
      const target = model.orders[place];
      if (!target) return;
      const request = `${path} ${target.id} ${JSON.stringify(body)}`;
      const expected = model.once(number === null ? null : String(number), request, () => work(target));
      agree(await api.post(`/v1/orders/${target.id}/${path}`, body, keyOf(number)), expected);
    };

    const perform = async (step: Operation): Promise<void> => {
      switch (step.do) {
        case 'book': {
          const customer = { email: `customer-${step.customer}@example.com` };
          const body = { items: itemsOf(step.items), customer, ...(step.hold ? { hold: { seconds: 600 } } : {}) };
          const reply = await api.post(`/v1/events/${eventId}/bookings`, body, keyOf(step.key));
          const book = () => model.book(reply.body.id as string, new Map(step.items), step.customer, step.hold);
          agree(reply, model.once(String(step.key), JSON.stringify(body), book));
          return;
        }
        case 'confirm':
          await onOrder(step.order, 'confirm', step.key, { reviveIfAvailable: step.revive }, (target) =>
            model.confirm(target, step.revive),
          );
          return;
        case 'extend':
          await onOrder(step.order, 'extend', step.key, { seconds: 900 }, (target) => model.extend(target));
          return;
        case 'cancel':
          await onOrder(step.order, 'cancel', step.key, step.items ? { items: itemsOf(step.items) } : {}, (target) =>
            model.cancel(target, step.items && new Map(step.items)),
          );
          return;
        case 'let-expire': {
          const target = model.orders[step.order];
          if (!target) return;
          await database.sql(`update orders set expires_at = created_at where id = $1 and status = 'held'`, [target.id]);
          model.expire(target);
          return;
        }
        case 'sweep':
          await app.get(ExpireHoldsJob).runOnce();
          return;
        case 'set-capacity': {
          const path = `/v1/events/${eventId}/ticket-types/${types[step.type]!}`;
          const reply = await api.patch(path, { capacity: step.capacity }, { 'if-match': '*' });
          agree(reply, model.setCapacity(step.type, step.capacity));
          return;
        }
        case 'cancel-event':
          agree(await api.post(`/v1/events/${eventId}/cancel`), model.cancelEvent());
      }
    };
    return { eventId, model, perform };
  }

  async function compareCounts(eventId: string, model: EventModel): Promise<void> {
    const { body } = await running.api.get(`/v1/events/${eventId}/availability`);
    const counts = body.ticketTypes.map(({ capacity, held, sold }: Record<string, number>) => ({ capacity, held, sold }));
    expect(counts).toEqual(
      model.capacities.map((capacity, type) => ({
        capacity,
        held: model.taken(type, 'held'),
        sold: model.taken(type, 'confirmed'),
      })),
    );
  }

  it(`${RUNS} runs of up to ${OPERATIONS} agree with the model, answer by answer and count by count`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: OPERATIONS, maxLength: OPERATIONS }), async (steps) => {
        const { eventId, model, perform } = await newEvent();
        for (const step of steps) await perform(step);
        await compareCounts(eventId, model);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(await running.database.brokenInvariants()).toEqual([]);
  }, 300_000);
});
