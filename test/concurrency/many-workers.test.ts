import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { AppProcess } from '../support/process.js';

const WORKERS = 64;
const DURATION_MS = 20_000;
const LIMIT = 12;
const chance = (probability: number) => Math.random() < probability;
const upTo = (largest: number) => 1 + Math.floor(Math.random() * largest);
const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;

type OnSale = Awaited<ReturnType<typeof eventOnSale>>;

describe(`${WORKERS} workers on two events through two processes, sweepers on`, () => {
  let database: TestDatabase;
  let processes: AppProcess[] = [];

  beforeAll(async () => {
    database = await TestDatabase.create();
    const start = () => AppProcess.start({ DATABASE_URL: database.url, DATABASE_POOL_MAX: '8' });
    processes = await Promise.all([start(), start()]);
  });
  afterAll(async () => {
    await Promise.all(processes.map((process) => process.end()));
    await database.drop();
  });

  /** A request that any worker may send, each time the same: to one of the processes, or with its key to both at once. */
  function randomRequest({ eventId, ticketTypeIds }: OnSale, orderId: string): [path: string, body: object] {
    const dice = Math.random();
    if (dice < 0.5) {
      const types = chance(0.5) ? ticketTypeIds : [pick(ticketTypeIds)];
      const items = (chance(0.5) ? types : types.toReversed()).map((ticketTypeId) => ({ ticketTypeId, quantity: upTo(3) }));
      const hold = chance(0.6) ? { hold: { seconds: 30 } } : {};
      return [`/v1/events/${eventId}/bookings`, { items, customer: { email: `customer-${upTo(10)}@example.com` }, ...hold }];
    }
    if (dice < 0.65) return [`/v1/orders/${orderId}/confirm`, { reviveIfAvailable: chance(0.5) }];
    if (dice < 0.75) return [`/v1/orders/${orderId}/extend`, { seconds: 60 }];
    if (dice < 0.9) return [`/v1/orders/${orderId}/cancel`, {}];
    return [`/v1/orders/${orderId}/cancel`, { items: [{ ticketTypeId: pick(ticketTypeIds), quantity: upTo(2) }] }];
  }

  it('no deadlock, no server error, one answer per key, and the counts are those of the orders', async () => {
    const events = await Promise.all(
      [1, 2].map(() => eventOnSale(processes[0]!.api, [40, 25], { maxTicketsPerCustomer: LIMIT })),
    );
    const orders = new Map(events.map(({ eventId }) => [eventId, [randomUUID() as string]]));
    const answers = new Map<string, number>();
    const end = Date.now() + DURATION_MS;

    const seen = (replies: Reply[]) => {
      for (const { status, body } of replies) {
        const answer = `${status} ${body.code ?? ''}`.trim();
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    };
    const step = async () => {
      const event = pick(events);
      const ids = orders.get(event.eventId)!;
      if (chance(0.05)) {
        const path = `/v1/events/${event.eventId}/ticket-types/${pick(event.ticketTypeIds)}`;
        return seen([await pick(processes).api.patch(path, { capacity: 20 + upTo(30) }, { 'if-match': '*' })]);
      }
      if (chance(0.05)) return seen([await pick(processes).api.get(`/v1/events/${event.eventId}/availability`)]);
      // Mostly a recent one, that is alive.
      const [path, body] = randomRequest(event, pick(ids.slice(-30)));
      const targets = chance(0.2) ? processes : [pick(processes)];
      const key = { 'idempotency-key': randomUUID() };
      const replies = await Promise.all(targets.map(({ api }) => api.post(path, body, key)));
      seen(replies);
      const accepted = replies.filter(({ status }) => status < 300);
      if (accepted.length === 2) expect(accepted[0]!.body).toEqual(accepted[1]!.body);
      if (accepted[0]?.status === 201) ids.push(accepted[0].body.id as string);
    };
    const worker = async () => {
      while (Date.now() < end) await step();
    };
    /** Holds end at random moments, long before their time; under the lock of the event, as all that changes orders. */
    const time = async () => {
      while (Date.now() < end) {
        await database.sql(
          `with event as (select id from events where id = $1 for update)
           update orders o set expires_at = o.created_at from event where o.event_id = event.id and o.status = 'held' and random() < 0.1`,
          [pick(events).eventId],
        );
        await sleep(100);
      }
    };
    await Promise.all([time(), ...Array.from({ length: WORKERS }, worker)]);

    expect([...answers.keys()].filter((answer) => answer >= '5')).toEqual([]);
    const usual = ['200', '201', '409 sold-out', '409 hold-expired', '409 order-not-held', '409 order-not-cancellable'];
    expect([...answers.keys()]).toEqual(expect.arrayContaining([...usual, '409 customer-limit-exceeded']));
    expect(await database.brokenInvariants()).toEqual([]);
    for (const { eventId } of events) await expectCountsOfOrders(eventId);
    const over = await database.sql(
      `select o.customer_key from orders o join order_items i on i.order_id = o.id
        where o.status = 'confirmed' or (o.status = 'held' and o.expires_at > now())
        group by o.event_id, o.customer_key having sum(i.quantity) > $1`,
      [LIMIT],
    );
    expect(over).toEqual([]);

    // A process reports its deadlocks for sure when it ends.
    await Promise.all(processes.map((process) => process.end()));
    const [row] = await database.sql<{ deadlocks: number }>(
      'select deadlocks::integer from pg_stat_database where datname = current_database()',
    );
    expect(row!.deadlocks).toBe(0);
  }, 120_000);

  async function expectCountsOfOrders(eventId: string): Promise<void> {
    const { body } = await processes[1]!.api.get(`/v1/events/${eventId}/availability`);
    const taken = await database.sql(
      `select t.id as "ticketTypeId", t.capacity,
              coalesce(sum(i.quantity) filter (where o.status = 'held' and o.expires_at > $2), 0)::integer as held,
              coalesce(sum(i.quantity) filter (where o.status = 'confirmed'), 0)::integer as sold
         from ticket_types t
         left join order_items i on i.ticket_type_id = t.id
         left join orders o on o.id = i.order_id
        where t.event_id = $1 group by t.id, t.capacity, t.created_at order by t.created_at, t.id`,
      [eventId, body.asOf],
    );
    expect(body.ticketTypes).toMatchObject(
      taken.map((type) => ({ ...type, available: type['capacity'] - type['held'] - type['sold'] })),
    );
  }
});
