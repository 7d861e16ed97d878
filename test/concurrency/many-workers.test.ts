import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { AppProcess } from '../support/process.js';

const WORKERS = 64;
const DURATION_MS = 20_000;
const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;

describe('64 workers on two events through two processes, sweepers on', () => {
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

  it('no deadlock, no server error, and the counts are those of the orders', async () => {
    const events = await Promise.all([1, 2].map(() => eventOnSale(processes[0]!.api, [40, 25])));
    const orders: string[] = [];
    const statuses = new Map<number, number>();
    const unexpected: unknown[] = [];
    const end = Date.now() + DURATION_MS;

    const step = async (): Promise<Reply> => {
      const { api } = pick(processes);
      const { eventId, ticketTypeIds } = pick(events);
      const orderId = pick(orders);
      const dice = Math.random();
      if (orderId === undefined || dice < 0.45) {
        const items = ticketTypeIds
          .filter(() => Math.random() < 0.7)
          .map((ticketTypeId) => ({ ticketTypeId, quantity: 1 + Math.floor(Math.random() * 3) }));
        const body = {
          items: items.length > 0 ? items : [{ ticketTypeId: ticketTypeIds[0], quantity: 1 }],
          customer: { email: 'ada@example.com' },
          ...(Math.random() < 0.6 ? { hold: { seconds: 30 } } : {}),
        };
        const reply = await api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': randomUUID() });
        if (reply.status === 201) orders.push(reply.body.id as string);
        return reply;
      }
      if (dice < 0.6) return api.post(`/v1/orders/${orderId}/confirm`, { reviveIfAvailable: Math.random() < 0.5 });
      if (dice < 0.7) return api.post(`/v1/orders/${orderId}/extend`, { seconds: 60 });
      if (dice < 0.85) return api.post(`/v1/orders/${orderId}/cancel`);
      if (dice < 0.93)
        return api.post(`/v1/orders/${orderId}/cancel`, { items: [{ ticketTypeId: pick(ticketTypeIds), quantity: 1 }] });
      if (dice < 0.96) return api.get(`/v1/orders/${orderId}`);
      return api.get(`/v1/events/${eventId}/availability`);
    };
    const worker = async () => {
      while (Date.now() < end) {
        const { status, body } = await step();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status >= 500) unexpected.push(body);
      }
    };
    /** Holds end at random moments, long before their time. */
    const time = async () => {
      while (Date.now() < end) {
        await database.sql(`update orders set expires_at = created_at where status = 'held' and random() < 0.1`);
        await sleep(200);
      }
    };
    await Promise.all([time(), ...Array.from({ length: WORKERS }, worker)]);

    expect(unexpected).toEqual([]);
    for (const status of [200, 201, 404, 409]) expect(statuses.get(status) ?? 0).toBeGreaterThan(0);
    expect(await database.brokenInvariants()).toEqual([]);
    const [{ deadlocks } = { deadlocks: 'none' }] = await database.sql<{ deadlocks: string }>(
      'select deadlocks from pg_stat_database where datname = current_database()',
    );
    expect(Number(deadlocks)).toBe(0);
    for (const { eventId } of events) {
      const { body } = await processes[1]!.api.get(`/v1/events/${eventId}/availability`);
      const live = await database.sql(
        `select i.ticket_type_id as "ticketTypeId",
                coalesce(sum(i.quantity) filter (where o.status = 'held'), 0)::integer as held,
                coalesce(sum(i.quantity) filter (where o.status = 'confirmed'), 0)::integer as sold
           from orders o join order_items i on i.order_id = o.id
          where o.event_id = $1 and (o.status = 'confirmed' or (o.status = 'held' and o.expires_at > $2)) group by 1`,
        [eventId, body.asOf],
      );
      for (const counts of live) expect(body.ticketTypes).toContainEqual(expect.objectContaining(counts));
    }
  }, 120_000);
});
