import { ReconcileJob, ReconciliationService } from '../../src/modules/reconciliation/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { checksums } from '../support/checksums.js';
import { eventOnSale } from '../support/factories.js';
import { runReconcile } from '../support/reconcile-script.js';

describe('reconciling', () => {
  let running: TestApp;
  let eventId: string;
  let otherId: string;
  let typeId: string;
  let secondId: string;
  let orderId: string;

  const sql = (text: string, values: unknown[] = []) => running.database.sql<Record<string, any>>(text, values);
  const script = (args?: string[], variables?: Record<string, string>) => runReconcile(running.database, args, variables);
  const withoutRuns = async () => ({ ...(await checksums(running.database)), reconciliations: '' });
  const repairsInAuditLog = () =>
    sql(`select actor, action, target_id, event_id, before, after from audit_log where action like '%.repaired' order by action`);

  beforeAll(async () => {
    running = await startApp();
    const { api } = running;
    const sale = await eventOnSale(api, [100, 50]);
    eventId = sale.eventId;
    [typeId, secondId] = sale.ticketTypeIds as [string, string];
    ({ eventId: otherId } = await eventOnSale(api));
    orderId = (await api.book(eventId, { [typeId]: 2, [secondId]: 1 })).body.id;
    await api.book(eventId, { [typeId]: 3 }, { holdSeconds: 600 });
    const { body: cancelled } = await api.book(eventId, { [secondId]: 4 });
    await api.post(`/v1/orders/${cancelled.id}/cancel`);
  });
  afterAll(() => running.close());

  it('finds nothing where nothing has drifted', async () => {
    const before = await withoutRuns();
    expect(await script()).toEqual({
      code: 0,
      out: 'Events checked: 2, not checked: 0, drifts: 0, repaired: 0\n',
      err: '',
    });
    expect(await withoutRuns()).toEqual(before);
  });

  it('counts, sequence and totals that have drifted are reported with their numbers and not touched: 1', async () => {
    await sql('update ticket_types set held = held + 1, sold = sold - 1 where event_id = $1 and id = $2', [eventId, typeId]);
    await sql('update events set sequence = sequence + 7 where id = $1', [eventId]);
    await sql('update orders set total_amount = total_amount + 1 where id = $1', [orderId]);
    const before = await withoutRuns();
    const { code, out } = await script();
    expect(code).toBe(1);
    expect(out.split('\n')).toEqual([
      `Event ${eventId}, ticket type ${typeId} (Type 1): held is 4 and should be 3, sold is 1 and should be 2`,
      `Event ${eventId} (Concert): sequence is 11 and should be 4`,
      `Event ${eventId}, order ${orderId} (number 1): total is 13501 and should be 13500`,
      'Events checked: 2, not checked: 0, drifts: 3, repaired: 0',
      '',
    ]);
    expect(await withoutRuns()).toEqual(before);
    expect(await repairsInAuditLog()).toEqual([]);
  });

  it('with --repair they are what the orders say, each with a line in the audit log, and a second time nothing is left: 0', async () => {
    const { code, out } = await script(['--repair']);
    expect(code).toBe(0);
    expect(out).toContain('sold is 1 and should be 2; repaired\n');
    expect(out).toContain('drifts: 3, repaired: 3\n');
    expect(await running.database.brokenInvariants()).toEqual([]);
    const lines = [
      { action: 'event.repaired', target_id: eventId, before: { sequence: 11 }, after: { sequence: 4 } },
      { action: 'order.repaired', target_id: orderId, before: { total: 13_501 }, after: { total: 13_500 } },
      { action: 'ticket-type.repaired', target_id: typeId, before: { held: 4, sold: 1 }, after: { held: 3, sold: 2 } },
    ].map((line) => ({ ...line, actor: 'system', event_id: eventId }));
    expect(await repairsInAuditLog()).toEqual(lines);

    const before = await withoutRuns();
    expect(await script(['--repair'])).toMatchObject({ code: 0, out: expect.stringContaining('drifts: 0, repaired: 0') });
    expect(await withoutRuns()).toEqual(before);
    expect((await running.api.book(eventId, { [typeId]: 1 })).body.sequence).toBe(5);
  });

  it('what no capacity has room for is not repaired: 1', async () => {
    await sql('update ticket_types set held = 0, sold = 0, capacity = 5 where event_id = $1 and id = $2', [eventId, typeId]);
    const { code, out } = await script(['--repair']);
    expect(code).toBe(1);
    expect(out).toContain('held is 0 and should be 3, sold is 0 and should be 3; cannot be repaired: the capacity of 5 is less');
    expect(out).toContain('drifts: 1, repaired: 0');
    await sql('update ticket_types set capacity = 100 where event_id = $1 and id = $2', [eventId, typeId]);
    expect((await script(['--repair'])).code).toBe(0);
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('what cannot be checked is said: 2', async () => {
    const lock = await running.database.connect();
    await lock.query('begin');
    await lock.query('lock table order_items');
    const { code, out, err } = await script([], { DATABASE_LOCK_TIMEOUT_MS: '50', TRANSACTION_RETRIES: '0' });
    await lock.end();
    expect(code).toBe(2);
    expect(err).toContain(`Event ${eventId} could not be checked: canceling statement due to lock timeout`);
    expect(out).toContain('Events checked: 0, not checked: 2');
    expect(await script(['--mend'])).toMatchObject({ code: 2, err: expect.stringContaining('Usage: ') });
    expect((await script([], { DATABASE_URL: 'postgresql://127.0.0.1:1/none' })).code).toBe(2);
  });

  it('one runs at a time; one that gives no sign of life is given up', async () => {
    const insert = (age: string) =>
      sql(`insert into reconciliations (id, repairs, started_at, heartbeat_at)
           select gen_random_uuid(), false, now() - interval '1 day', now() - interval '${age}' returning id`);
    const [alive] = await insert('4 minutes');
    expect(await script()).toMatchObject({ code: 2, out: '', err: 'Another reconciliation is under way.\n' });
    await sql('delete from reconciliations where id = $1', [alive!['id']]);
    const [dead] = await insert('6 minutes');
    expect((await script()).code).toBe(0);
    expect(await sql('select outcome from reconciliations where id = $1', [dead!['id']])).toEqual([{ outcome: 'failed' }]);
  });

  it('the nightly job runs once a night on one of several instances, and its result can be read', async () => {
    const second = await startApp({}, running.database);
    const jobs = [running, second].map(({ app }) => app.get(ReconcileJob));
    const runAll = async () => (await Promise.all([...jobs, ...jobs].map((job) => job.runOnce()))).filter((result) => result);
    try {
      await sql('delete from reconciliations');
      await sql('update ticket_types set sold = sold + 2 where event_id = $1', [otherId]);
      expect(await runAll()).toEqual([{ eventsChecked: 2, eventsFailed: 0, drifts: 1, repaired: 0 }]);
      expect(await runAll()).toEqual([]);
      const result = { eventsChecked: 2, eventsFailed: 0, drifts: 1, repaired: 0, finishedAt: expect.any(Date) };
      expect(await second.app.get(ReconciliationService).last()).toEqual(result);
      expect(await sql('select findings from reconciliations')).toMatchObject([
        { findings: [{ kind: 'ticket-type', eventId: otherId, stored: { held: 0, sold: 2 }, counted: { held: 0, sold: 0 } }] },
      ]);

      await sql(`update reconciliations set started_at = started_at - interval '1 day'`);
      expect(await runAll()).toHaveLength(1);
      expect((await script(['--repair'])).code).toBe(0);
    } finally {
      await second.close();
    }
  });

  it('the nightly job never runs where it is switched off', async () => {
    const off = await startApp({ RECONCILE_HOUR: '-1' }, running.database);
    await sql('delete from reconciliations');
    expect(await off.app.get(ReconcileJob).runOnce()).toBeNull();
    expect(await sql('select from reconciliations')).toEqual([]);
    await off.close();
  });

  it('under load no drift is found that is not there, and what is there is repaired', async () => {
    const { api, app, database } = running;
    const service = app.get(ReconciliationService);
    const load = { over: false, booked: 0 };
    const customers = Array.from({ length: 12 }, async (_, index) => {
      while (!load.over) {
        const hold = index % 2 === 0 ? { holdSeconds: 60 } : {};
        const { status, body } = await api.book(eventId, { [index % 3 === 0 ? typeId : secondId]: 1 }, hold);
        if (status !== 201) continue;
        load.booked += 1;
        if (index % 2 === 0) await api.post(`/v1/orders/${body.id}/confirm`);
        await api.post(`/v1/orders/${body.id}/cancel`);
      }
    });
    try {
      for (let round = 0; round < 40 || load.booked <= 50; round++) {
        const repair = round % 4 === 3;
        expect(await service.run({ repair })).toEqual({ eventsChecked: 2, eventsFailed: 0, drifts: 0, repaired: 0 });
      }
      for (let round = 0; round < 10; round++) {
        await sql('update ticket_types set held = held + 1, sold = sold + 1 where event_id = $1 and id = $2', [eventId, typeId]);
        expect(await service.run({ repair: true })).toMatchObject({ drifts: 1, repaired: 1 });
      }
    } finally {
      load.over = true;
      await Promise.all(customers);
    }
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
