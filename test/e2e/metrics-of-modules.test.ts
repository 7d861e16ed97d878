import { ReconciliationService } from '../../src/modules/reconciliation/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { insertDeadLetter } from '../support/dead-letters.js';
import { eventOnSale, inDays } from '../support/factories.js';
import { eventually, holdEventLock } from '../support/faults.js';
import { Scrape } from '../support/metrics.js';
import { LATER_MS, WebhookSetting } from '../support/webhook-setting.js';

/** Nothing listens there. */
const CLOSED = 'http://127.0.0.1:9/';

async function valueOf(running: TestApp, name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  return (await Scrape.of(running)).value(name, labels);
}

describe('the metrics of webhooks', () => {
  let on: WebhookSetting;

  beforeAll(async () => {
    on = await WebhookSetting.start();
  });
  afterAll(() => on.stop());
  beforeEach(() => on.reset());

  const outcomes = async () => {
    const scrape = await Scrape.of(on.running);
    const attempts = ['succeeded', 'refused', 'failed'].map((outcome) =>
      scrape.value('holdfast_webhook_attempts_total', { outcome })!,
    );
    return [...attempts, scrape.value('holdfast_webhook_duration_seconds_count')!];
  };
  const book = async (times: number) => {
    const { eventId, ticketTypeId } = await eventOnSale(on.running.api);
    for (let time = 0; time < times; time++) await on.running.api.book(eventId, { [ticketTypeId]: 1 });
  };
  const jobs = async (queue: string, state: string) => (await valueOf(on.running, 'holdfast_jobs', { queue, state })) ?? 0;

  it('count the attempts by what came of them, and how many were timed', async () => {
    on.schedule.retryDelaysMs = [];
    await on.endpoint({ types: ['order.confirmed'] });
    await on.endpoint({ url: on.other.url, types: ['order.confirmed'] });
    await on.endpoint({ url: CLOSED, types: ['order.confirmed'] });
    let left = 2;
    on.receiver.answer = (_, response) => response.writeHead(left-- > 0 ? 503 : 204).end();
    expect(await outcomes()).toEqual([0, 0, 0, 0]);
    await book(3);
    await eventually('all attempts', async () => (await outcomes())[3] === 9);
    expect(await outcomes()).toEqual([4, 2, 3, 9]);
  });

  it('tell how long the answer took', async () => {
    const sum = async () => (await valueOf(on.running, 'holdfast_webhook_duration_seconds_sum'))!;
    const [before, [succeeded]] = [await sum(), await outcomes()];
    on.receiver.answer = (_, response) => void setTimeout(() => response.end(), 300);
    await on.endpoint({ types: ['order.confirmed'] });
    await book(1);
    await eventually('the answer', async () => (await outcomes())[0] === succeeded! + 1);
    // Timers may be a millisecond early.
    expect((await sum()) - before).toBeGreaterThan(0.29);
  });

  it('tell the jobs that are active, and those that wait for their time', async () => {
    on.schedule.retryDelaysMs = [LATER_MS];
    let refuse = () => {};
    on.receiver.answer = (_, response) => void (refuse = () => response.writeHead(500).end());
    await on.endpoint({ types: ['order.confirmed'] });
    await book(1);
    await on.receiver.until(() => on.receiver.received.length === 1);
    expect(await jobs('webhooks.deliver', 'active')).toBe(1);
    refuse();
    await eventually('a retry is planned', async () => (await jobs('webhooks.retry', 'waiting')) === 1);
    await eventually('nothing is active', async () => (await jobs('webhooks.deliver', 'active')) === 0);
    expect(await jobs('webhooks.retry', 'failed')).toBe(0);
  });

  it('tell how long the oldest fact waits for a consumer that does not get on, and 0 afterwards', async () => {
    const lag = () => valueOf(on.running, 'holdfast_domain_events_lag_seconds', { consumer: 'webhooks' });
    await eventually('all is taken over', async () => (await lag()) === 0);
    const relay = await on.running.database.connect();
    await relay.query('begin');
    await relay.query(`select from domain_event_cursors where name = 'webhooks' for update`);
    const { eventId } = await eventOnSale(on.running.api);
    await on.running.database.sql(`update domain_events set occurred_at = occurred_at - interval '90 s' where event_id = $1`, [
      eventId,
    ]);
    expect(await lag()).toBeGreaterThanOrEqual(90);
    expect(await lag()).toBeLessThan(150);
    await relay.query('rollback');
    await relay.end();
    await eventually('all is taken over', async () => (await lag()) === 0);
  });
});

describe('the metrics of what goes wrong', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp({ RECONCILE_HOUR: '-1', DATABASE_LOCK_TIMEOUT_MS: '300', TRANSACTION_RETRIES: '20' });
  });
  afterAll(() => running.close());

  it('tell the dead letters of each queue, until they are discarded', async () => {
    await eventOnSale(running.api);
    const deadLetters = () => valueOf(running, 'holdfast_jobs', { queue: 'on.nobody', state: 'failed' });
    expect(await deadLetters()).toBeUndefined();
    const id = await insertDeadLetter(running.database);
    expect(await deadLetters()).toBe(1);
    const { status } = await running.api.send('DELETE', `/v1/dead-letters/${id}`);
    expect([status, await deadLetters()]).toEqual([204, undefined]);
  });

  it('count the transactions that are run again, by the reason', async () => {
    const retries = async (reason: string) => (await valueOf(running, 'holdfast_transaction_retries_total', { reason }))!;
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    const [contention, lost] = [await retries('contention'), await retries('connection-lost')];
    expect([contention, lost]).toEqual([0, 0]);
    const lock = await holdEventLock(running.database, eventId);
    const booking = running.api.book(eventId, { [ticketTypeId]: 1 });
    const terminate = `select pg_terminate_backend(pid) from pg_stat_activity
                        where datname = current_database() and wait_event_type = 'Lock'`;
    await eventually('a retry for want of the connection', async () => {
      await running.database.sql(terminate);
      return (await retries('connection-lost')) > 0;
    });
    await eventually('retries for want of the lock', async () => (await retries('contention')) >= 2);
    await lock.release();
    expect((await booking).status).toBe(201);
    expect(await retries('commit-outcome-unknown')).toBe(0);
  });

  it('tell what the last complete reconciliation found and did not repair, and when', async () => {
    const reconciliation = running.app.get(ReconciliationService);
    const told = async () => {
      const scrape = await Scrape.of(running);
      return ['drifts', 'timestamp_seconds'].map((name) => scrape.value(`holdfast_reconciliation_${name}`)!);
    };
    expect(await told()).toEqual([0, 0]);
    const { eventId } = await eventOnSale(running.api, [10, 10]);
    await running.database.sql('update ticket_types set sold = sold + 1 where event_id = $1', [eventId]);
    await reconciliation.run({ repair: false });
    const [drifts, at] = await told();
    expect(drifts).toBe(2);
    expect(Math.abs(Date.now() / 1000 - at!)).toBeLessThan(60);

    // Neither one that failed nor one under way is a result.
    await running.database.sql(
      `insert into reconciliations (id, repairs, started_at, heartbeat_at, finished_at, outcome, drifts)
       values (gen_random_uuid(), false, now(), now(), now(), 'failed', 7)`,
    );
    expect(await told()).toEqual([drifts, at]);
    await reconciliation.run({ repair: true });
    const [left, later] = await told();
    expect([left, later! > at!]).toEqual([0, true]);
  });

  it('tell whether there is a nightly reconciliation', async () => {
    const other = await startApp({}, running.database);
    try {
      const scheduled = await Promise.all([running, other].map((app) => valueOf(app, 'holdfast_reconciliation_scheduled')));
      expect(scheduled).toEqual([0, 1]);
    } finally {
      await other.close();
    }
  });
});

describe('the metrics of events on sale', () => {
  it('have at most a hundred of them: first those that are being booked, then the soonest', async () => {
    const running = await startApp();
    try {
      const { api } = running;
      const soon: string[] = [];
      for (let day = 1; day <= 104; day++) {
        soon.push((await eventOnSale(api, [1], { startsAt: inDays(day) })).eventId);
      }
      const late = await eventOnSale(api, [1], { startsAt: inDays(300) });
      const shown = async () => {
        const { samples } = await Scrape.of(running);
        return new Set(samples.filter(({ name }) => name === 'holdfast_tickets').map(({ labels }) => labels['event']!));
      };
      expect(await shown()).toEqual(new Set(soon.slice(0, 100)));
      await api.book(late.eventId, { [late.ticketTypeId]: 1 });
      expect(await shown()).toEqual(new Set([...soon.slice(0, 99), late.eventId]));
    } finally {
      await running.close();
    }
  });
});
