import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jest } from '@jest/globals';
import { type Drift, ReconcileJob, ReconciliationService } from '../../src/modules/reconciliation/index.js';
import { AuditLog } from '../../src/platform/audit/audit-log.js';
import { TransactionRetry } from '../../src/platform/database/transaction-retry.js';
import { DomainEventRelayJob } from '../../src/platform/domain-events/domain-event-relay.job.js';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { stopJobs } from '../support/jobs.js';
import { Scrape } from '../support/metrics.js';
import { PostgresProxy } from '../support/postgres-proxy.js';
import { runReconcile } from '../support/reconcile-script.js';
import { assertVouchersAreRight, bookWithVoucher, createVoucher } from '../support/vouchers.js';

const LIMIT = 1_000;

describe('reconciling what is hard to reconcile', () => {
  let running: TestApp;

  const sql = (text: string, values: unknown[] = []) => running.database.sql<Record<string, any>>(text, values);
  const reconciliation = ({ app }: Pick<TestApp, 'app'> = running) => app.get(ReconciliationService);
  const repairsInAuditLog = async () =>
    (await sql(`select target_id from audit_log where action like '%.repaired'`)).map((row) => row['target_id'] as string);

  /** More ticket types like the given one, whose numbers are wrong. */
  const addWrongTypes = (typeId: string, count: number) =>
    sql(
      `insert into ticket_types
       select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), 'name', 'Wrong ' || n, 'held', 1))).*
         from ticket_types t, generate_series(1, $2) n where t.id = $1`,
      [typeId, count],
    );

  beforeEach(async () => {
    running = await startApp();
  });
  afterEach(() => running.close());

  it('an event that takes longer than other statements may is checked all the same', async () => {
    await eventOnSale(running.api);
    const impatient = await startApp(
      {
        DATABASE_STATEMENT_TIMEOUT_MS: '2000',
        DATABASE_QUERY_TIMEOUT_MS: '4000',
        DATABASE_TRANSACTION_TIMEOUT_MS: '3000',
        DATABASE_LOCK_TIMEOUT_MS: '30000',
      },
      running.database,
    );
    const slow = await running.database.connect();
    try {
      await slow.query('begin; lock table order_items');
      const run = reconciliation(impatient).run({ repair: false });
      await slow.query('select pg_sleep(5)');
      await slow.end();
      expect(await run).toEqual({ eventsChecked: 1, eventsFailed: 0, drifts: 0, repaired: 0 });
      await impatient.app.close();
    } finally {
      await slow.end();
    }
  });

  it('the end of the app does not wait for a count that takes long', async () => {
    await eventOnSale(running.api);
    const leaving = await startApp({ DATABASE_LOCK_TIMEOUT_MS: '30000' }, running.database);
    const slow = await running.database.connect();
    await slow.query('begin; lock table order_items');
    const job = leaving.app.get(ReconcileJob);
    const run = job.runOnce();
    await eventually('it waits', async () => {
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return (await sql(waiting)).length > 0;
    });
    await job.beforeApplicationShutdown();
    expect(await run).toBeNull();
    await leaving.app.close();
    await slow.end();
    expect(await sql('select from reconciliations')).toEqual([]);
  });

  it('events that could not be checked are told by a metric', async () => {
    await eventOnSale(running.api);
    const impatient = await startApp({ DATABASE_LOCK_TIMEOUT_MS: '50', TRANSACTION_RETRIES: '0' }, running.database);
    const slow = await running.database.connect();
    await slow.query('begin; lock table order_items');
    expect(await reconciliation(impatient).run({ repair: false })).toMatchObject({ eventsChecked: 0, eventsFailed: 1 });
    await slow.end();
    await impatient.app.close();
    const failed = async () => (await Scrape.of(running)).value('holdfast_reconciliation_events_failed');
    expect(await failed()).toBe(1);
    await reconciliation().run({ repair: false });
    expect(await failed()).toBe(0);
  });

  it('more drifts than are found at once are all repaired; without --repair it is said that there are more', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    await addWrongTypes(ticketTypeId, LIMIT + 100);
    const { code, out } = await runReconcile(running.database);
    expect(code).toBe(1);
    expect(out.split('\n').slice(-3)).toEqual([
      `Event ${eventId}: there is more than that`,
      'Events checked: 1, not checked: 0, drifts: 1000, repaired: 0',
      '',
    ]);
    const repair = await runReconcile(running.database, ['--repair']);
    expect(repair.code).toBe(0);
    expect(repair.out.split('\n').slice(-2)).toEqual(['Events checked: 1, not checked: 0, drifts: 1100, repaired: 1100', '']);
    expect(repair.out).not.toContain('there is more');
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('what cannot be repaired, however much there is, neither hides what can be nor keeps the run from its end', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    await addWrongTypes(ticketTypeId, LIMIT + 100);
    const { body: order } = await running.api.book(eventId, { [ticketTypeId]: 1 });
    await sql(`update orders set total_amount = 1 where id = $1`, [order.id]);
    // All but 50 have a ticket in the order, and room for none.
    await sql(`alter table order_items drop constraint order_items_position_key`);
    await sql(
      `insert into order_items (order_id, ticket_type_id, event_id, position, name, quantity, unit_price_amount)
       select $1, id, event_id, 1, name, 1, 0 from ticket_types where name like 'Wrong%' order by id limit $2`,
      [order.id, LIMIT + 50],
    );
    await sql(
      `update ticket_types t set held = 0, capacity = 0
        where name like 'Wrong%' and exists (select from order_items i where i.ticket_type_id = t.id and i.event_id = t.event_id)`,
    );
    const more: string[] = [];
    const onMore = (id: string) => void more.push(id);
    // The 50 without a ticket, and the total of the order; then the obstacles that are listed.
    expect(await reconciliation().run({ repair: true, onMore })).toMatchObject({ drifts: 51 + LIMIT, repaired: 51 });
    expect(more).toEqual([eventId]);
  });

  it('a sequence is never set below the number of an order; a history that lacks lines is told', async () => {
    const { api } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    for (let count = 0; count < 3; count++) await api.book(eventId, { [ticketTypeId]: 1 });
    await sql('delete from order_history where event_id = $1 and sequence > 1', [eventId]);
    const found: Drift[] = [];
    expect(await reconciliation().run({ repair: true, onDrift: (drift) => found.push(drift) })).toMatchObject({
      drifts: 1,
      repaired: 0,
    });
    expect(found).toMatchObject([
      {
        kind: 'event',
        targetId: eventId,
        stored: { historyLines: 1 },
        counted: { historyLines: 3 },
        obstacle: 'lines of the history are lost',
      },
    ]);
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).body).toMatchObject({ sequence: 4 });

    await sql('update events set sequence = 1 where id = $1', [eventId]);
    expect(await reconciliation().run({ repair: true })).toMatchObject({ drifts: 2, repaired: 1 });
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).body).toMatchObject({ sequence: 5 });
  });

  it('a total below zero is told, and does not keep the rest of the event from being repaired', async () => {
    const { api } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const { body: order } = await api.book(eventId, { [ticketTypeId]: 1 });
    const adjustments = JSON.stringify([{ extension: 'test', code: 'test', label: 'Test', amount: -500 }]);
    await sql(`update orders set total_amount = 4000, adjustments = $2, adjustment_amount = -500 where id = $1`, [
      order.id,
      adjustments,
    ]);
    await sql('update order_items set unit_price_amount = 400 where order_id = $1', [order.id]);
    await sql('update ticket_types set sold = 5 where id = $1', [ticketTypeId]);
    const found: Drift[] = [];
    const result = await reconciliation().run({ repair: true, onDrift: (drift) => found.push(drift) });
    expect(result).toEqual({ eventsChecked: 1, eventsFailed: 0, drifts: 2, repaired: 1 });
    expect(found).toMatchObject([
      { kind: 'ticket-type', counted: { sold: 1 }, obstacle: null },
      { kind: 'order', stored: { total: 4000 }, counted: { total: -100 }, obstacle: 'no total can be less than 0' },
    ]);
    expect(await repairsInAuditLog()).toEqual([ticketTypeId]);
  });

  it('the redemptions of a voucher are those of its live orders: checked, repaired and in the audit log', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const { body: voucher } = await createVoucher(api, eventId, { maxRedemptions: 3 });
    const hold = () => bookWithVoucher(api, eventId, { [ticketTypeId]: 1 }, { hold: { seconds: 600 } });
    const [confirmed, cancelled] = [(await hold()).body.id, (await hold()).body.id];
    await hold();
    await api.post(`/v1/orders/${confirmed}/confirm`);
    await api.post(`/v1/orders/${cancelled}/cancel`);
    expect(await runReconcile(database)).toMatchObject({ code: 0, err: '' });

    await sql('update vouchers set redemptions = 3');
    expect((await hold()).body.code).toBe('voucher-exhausted');
    const { code, out } = await runReconcile(database);
    expect(code).toBe(1);
    expect(out).toContain(`Event ${eventId}, voucher ${voucher.id} (SPRING): redemptions is 3 and should be 2\n`);
    expect((await runReconcile(database, ['--repair'])).code).toBe(0);
    await assertVouchersAreRight(database);
    expect(await sql(`select event_id, target_id, before, after from audit_log where action = 'voucher.repaired'`)).toEqual([
      { event_id: eventId, target_id: voucher.id, before: { redemptions: 3 }, after: { redemptions: 2 } },
    ]);
    expect((await hold()).status).toBe(201);

    await sql('update vouchers set redemptions = 1, max_redemptions = 2');
    const found: Drift[] = [];
    await reconciliation().run({ repair: true, onDrift: (drift) => found.push(drift) });
    expect(found).toMatchObject([{ kind: 'voucher', obstacle: 'maxRedemptions of 2 is less than that' }]);
  });

  it('what vouchers missed while they were off is made up for, row by row', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const { body: voucher } = await createVoucher(api, eventId, { maxRedemptions: 2 });
    const book = () => bookWithVoucher(api, eventId, { [ticketTypeId]: 1 });
    const [first, second] = [(await book()).body.id, (await book()).body.id];
    const off = await startApp({ EXTENSIONS_OFF: 'vouchers' }, database);
    await off.api.post(`/v1/orders/${first}/cancel`);
    await off.app.close();
    await sql('delete from voucher_redemptions where order_id = $1', [second]);
    expect((await book()).body.code).toBe('voucher-exhausted');

    const { code, out } = await runReconcile(database, ['--repair']);
    expect([code, out]).toEqual([
      0,
      expect.stringContaining('redemptions is 2 and should be 1, redemptionRows is 0 and should be 1'),
    ]);
    await assertVouchersAreRight(database);
    expect(await sql('select order_id from voucher_redemptions')).toEqual([{ order_id: second }]);
    expect((await book()).status).toBe(201);
    for (const { id } of (await api.get(`/v1/orders?eventId=${eventId}`)).body.items) await api.post(`/v1/orders/${id}/cancel`);
    expect((await api.send('DELETE', `/v1/events/${eventId}/vouchers/${voucher.id}`)).status).toBe(204);
  });

  it('keeps in memory no more drifts than it stores', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    for (let count = 0; count < 2; count++) {
      const { ticketTypeId } = await eventOnSale(running.api);
      await addWrongTypes(ticketTypeId, LIMIT);
    }
    const drifts = new Map<string, Array<WeakRef<Drift>>>();
    const kept: number[] = [];
    const onDrift = (drift: Drift) => {
      if (!drifts.has(drift.eventId)) {
        collectGarbage();
        kept.push([...drifts.values()].flat().filter((reference) => reference.deref()).length);
        drifts.set(drift.eventId, []);
      }
      drifts.get(drift.eventId)!.push(new WeakRef(drift));
    };
    expect(await reconciliation().run({ repair: false, onDrift })).toMatchObject({ drifts: 2 * LIMIT });
    expect(kept).toEqual([0, 100]);
    expect(await sql('select jsonb_array_length(findings) as stored from reconciliations')).toEqual([{ stored: 100 }]);
  });

  it('a repair whose commit got no answer is reported as what it is', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    const proxy = await PostgresProxy.start(running.database.url);
    const behind = await startApp({ DATABASE_URL: proxy.url }, running.database);
    await stopJobs(behind, DomainEventRelayJob);
    const { record } = AuditLog;
    const recording = jest.spyOn(AuditLog, 'record').mockImplementation(async (...args) => {
      await record(...args);
      if (recording.mock.calls.length === 1) proxy.faultEvery = 1;
    });
    behind.app.get(TransactionRetry).onRetry = () => (proxy.faultEvery = 0);
    try {
      for (const fault of ['answered-and-cut', 'dropped'] as const) {
        proxy.fault = fault;
        recording.mockClear();
        await sql('update ticket_types set sold = 3 where event_id = $1', [eventId]);
        const found: Array<[string, boolean]> = [];
        const onDrift = ({ targetId }: Drift, repaired: boolean) => found.push([targetId, repaired]);
        const result = await reconciliation(behind).run({ repair: true, onDrift });
        expect(result).toEqual({ eventsChecked: 1, eventsFailed: 0, drifts: 1, repaired: 1 });
        expect(found).toEqual([[ticketTypeId, true]]);
      }
      expect(proxy.faults).toBe(2);
    } finally {
      recording.mockRestore();
      await behind.app.close();
      await proxy.close();
    }
    expect(await repairsInAuditLog()).toEqual([ticketTypeId, ticketTypeId]);
  });
});
