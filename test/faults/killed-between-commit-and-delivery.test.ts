import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { MEMBERS_TABLES } from '../extending/members/members.tables.js';
import { randomUUID } from 'node:crypto';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { AppProcess } from '../support/process.js';
import { untilPasses } from '../support/until-passes.js';

const LOADER = new URL('../bench/typescript.mjs', import.meta.url).href;
const SERVER = fileURLToPath(new URL('../extending/members/server.ts', import.meta.url));

describe('an app that is killed between the commit and the delivery of facts, or in the middle of it', () => {
  let database: TestDatabase;
  const processes: AppProcess[] = [];

  const startProcess = async () => {
    const started = await AppProcess.start({ DATABASE_URL: database.url }, ['--import', LOADER, SERVER]);
    processes.push(started);
    return started;
  };
  const letters = () =>
    database.sql<{ order_id: string; sequence: number }>('select order_id, sequence from member_letters order by number');
  const facts = () =>
    database.sql<{ order_id: string; sequence: number }>(
      `select order_id, sequence from order_history where step in ('book', 'confirm', 'revive', 'cancel') order by sequence`,
    );
  const assertAllDelivered = async () => {
    const [seen, told] = [await letters(), await facts()];
    const bySequence = (a: { sequence: number }, b: { sequence: number }) => a.sequence - b.sequence;
    expect(seen.toSorted(bySequence)).toEqual(told);
    for (const ofOrder of Map.groupBy(seen, ({ order_id: orderId }) => orderId).values()) {
      expect(ofOrder).toEqual(ofOrder.toSorted(bySequence));
    }
  };

  beforeAll(async () => {
    database = await TestDatabase.create();
    await database.sql(MEMBERS_TABLES);
  });
  afterAll(async () => {
    for (const started of processes) await started.end('SIGKILL');
    await database.drop();
  });

  it('each subscriber sees each fact, in order per order, whatever was killed', async () => {
    let app = await startProcess();
    const other = await startProcess();
    const { eventId, ticketTypeId } = await eventOnSale(app.api, [10_000]);
    const book = (metadata: Record<string, string>) => {
      const body = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' }, metadata };
      return app.api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': randomUUID() });
    };
    for (const pause of [0, 200, 800]) {
      const orders = await Promise.all(Array.from({ length: 20 }, (_, index) => book(index % 2 ? { letter: 'slow' } : {})));
      await Promise.all(orders.map(({ body }) => app.api.post(`/v1/orders/${body.id}/cancel`)));
      await sleep(pause);
      await app.end('SIGKILL');
      app = await startProcess();
    }
    await other.end('SIGKILL');
    expect(await facts()).toHaveLength(120);
    await untilPasses(assertAllDelivered, 90_000);
    await database.assertInvariants();
  }, 180_000);
});
