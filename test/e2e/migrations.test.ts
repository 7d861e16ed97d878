import { MikroORM } from '@mikro-orm/postgresql';
import { ormConfig } from '../../mikro-orm.config.js';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { readEnvironment } from '../../src/platform/config/environment.js';
import { insertAdminKey } from '../support/api-keys.js';
import { startApp } from '../support/app.js';
import { checksums } from '../support/checksums.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { stopJobs } from '../support/jobs.js';
import { makeOverdue } from '../support/orders.js';

describe('the migrations from the one that added holds, on a database with orders in every state', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  const ids: Record<string, string> = {};

  const BEFORE_HOLDS = 'Migration20261124060000_create_events_and_orders';
  const down = () => orm.migrator.down({ to: BEFORE_HOLDS });

  const all = (select: string) => database.sql(select);
  const historyLines = () =>
    all('select order_id, sequence, from_status, step, to_status from order_history order by event_id, sequence');
  const tables = async () => {
    const orders = await all(
      `select to_jsonb(o) - 'payment_reference' - 'customer_subject' - 'adjustments' - 'adjustment_amount' - 'extensions' as row
         from orders o order by id`,
    );
    // The older schema keeps no payment reference, no adjustments and no name of the step, so those may be lost; nothing else may.
    const history = await all(`select to_jsonb(h) - 'step' as row from order_history h order by event_id, sequence`);
    const events = await all(`select to_jsonb(e) - 'published_at' as row from events e order by id`);
    const { ticket_types, order_items, idempotency_keys } = await checksums(database);
    return { orders, history, events, ticket_types, order_items, idempotency_keys };
  };

  beforeAll(async () => {
    database = await TestDatabase.create();
    orm = new MikroORM({ ...ormConfig({ ...readEnvironment({}), DATABASE_URL: database.url }), logger: () => {} });
    const running = await startApp({}, database);
    try {
      await stopJobs(running, ExpireHoldsJob);
      const { api } = running;
      const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
      const book = async (holdSeconds?: number): Promise<string> =>
        (await api.book(eventId, { [ticketTypeId]: 4 }, holdSeconds ? { holdSeconds } : {})).body.id;
      const step = async (id: string, name: string, body: object = {}) => {
        const { status } = await api.post(`/v1/orders/${id}/${name}`, body);
        if (status !== 200) throw new Error(`${name} of an order: ${status}`);
      };
      const some = { items: [{ ticketTypeId, quantity: 1 }] };
      for (const name of ['held', 'overdue', 'held partly', 'paid', 'revived', 'cancelled hold']) ids[name] = await book(60);
      for (const name of ['booked', 'cancelled', 'partly']) ids[name] = await book();
      await step(ids['held']!, 'extend', { seconds: 90 });
      await step(ids['held partly']!, 'cancel', some);
      await step(ids['paid']!, 'confirm', { paymentReference: 'pay_1' });
      await makeOverdue(database, ids['overdue']!, ids['revived']!);
      await step(ids['revived']!, 'confirm', { reviveIfAvailable: true });
      await step(ids['cancelled hold']!, 'cancel');
      await step(ids['cancelled']!, 'cancel', { reason: 'ill' });
      await step(ids['partly']!, 'cancel', some);
    } finally {
      await running.close();
    }
  });
  afterAll(async () => {
    await orm.close(true);
    await database.drop();
  });

  it('has them all', async () => {
    const steps = await all('select distinct step from order_history order by 1');
    expect(steps.map(({ step }) => step)).toEqual([
      ...['book', 'cancel', 'cancel-partly', 'confirm', 'expire', 'extend', 'hold', 'revive'],
    ]);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('down and up again keeps every row, every invariant, and what each line of history can still tell of its step', async () => {
    const before = await tables();
    const lines = await historyLines();
    // The invariants are those of the newest schema.
    await down();
    expect(await tables()).toEqual(before);
    await orm.migrator.up();
    expect(await tables()).toEqual(before);
    expect(await database.brokenInvariants()).toEqual([]);
    expect(await orm.migrator.getPending()).toEqual([]);
    expect(await all('select published_at is not null as public from events')).toEqual([{ public: true }]);
    // Of a hold, a partial cancellation looks like an extension to the older schema; all others can be told apart.
    const told = lines.map((line) =>
      line.order_id === ids['held partly'] && line.step !== 'hold' ? { ...line, step: 'extend' } : line,
    );
    expect(told).not.toEqual(lines);
    expect(await historyLines()).toEqual(told);
  });

  it('up takes the end off orders that are no holds, which the older schema allowed', async () => {
    await down();
    await database.sql(
      `update orders set expires_at = created_at + interval '1 minute' where status in ('confirmed', 'cancelled')`,
    );
    await orm.migrator.up();
    const ends = await database.sql(
      'select status, count(expires_at)::integer as ends, count(*)::integer as orders from orders group by 1',
    );
    expect(Object.fromEntries(ends.map(({ status, ends: some, orders }) => [status, [some, orders]]))).toEqual({
      held: [3, 3],
      confirmed: [0, 4],
      cancelled: [0, 2],
    });
  });

  it('and the app goes on with what was kept', async () => {
    await insertAdminKey(database);
    const running = await startApp({}, database);
    try {
      const { api } = running;
      expect((await api.post(`/v1/orders/${ids['held']}/confirm`, { paymentReference: 'pay_2' })).status).toBe(200);
      expect((await api.post(`/v1/orders/${ids['overdue']}/confirm`)).body.code).toBe('hold-expired');
      expect((await api.post(`/v1/orders/${ids['paid']}/cancel`)).status).toBe(200);
      expect(await database.brokenInvariants()).toEqual([]);
    } finally {
      await running.close();
    }
  });
});
