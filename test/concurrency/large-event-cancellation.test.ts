import { FinishEventCancellationsJob } from '../../src/modules/booking/finish-event-cancellations.job.js';
import { startApp, type TestApp } from '../support/app.js';
import type { Reply } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { stopJobs } from '../support/jobs.js';
import { insertHolds, insertOrders, insertOverdueHolds } from '../support/orders.js';
import { problemOf } from '../support/problems.js';
import { AppProcess } from '../support/process.js';
import { countsOf } from '../support/reads.js';

interface Orders {
  confirmed: number;
  held: number;
  overdue: number;
}

const MANY: Orders = { confirmed: 12_000, held: 5_000, overdue: 3_000 };
/** Several batches too. */
const SOME: Orders = { confirmed: 3_000, held: 1_200, overdue: 800 };
const totalOf = ({ confirmed, held, overdue }: Orders) => confirmed + held + overdue;
/** Enough for the app and a batch of orders; all of them at once end the process. */
const HEAP_MB = 96;

describe(`the cancellation of an event with up to ${totalOf(MANY)} orders: held, past their end and confirmed`, () => {
  let running: TestApp;
  const processes: AppProcess[] = [];

  beforeAll(async () => {
    running = await startApp();
    // Here the job runs when a test says so, and not whenever its timer does.
    await stopJobs(running, FinishEventCancellationsJob);
  });
  afterAll(async () => {
    await Promise.all(processes.map((process) => process.end('SIGKILL')));
    await running.close();
  });

  async function startProcess(): Promise<AppProcess> {
    const options = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` };
    const process = await AppProcess.start({ DATABASE_URL: running.database.url, ...options });
    processes.push(process);
    return process;
  }

  async function eventWith(orders: Orders) {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [2 * totalOf(orders)]);
    await insertOrders(database, eventId, ticketTypeId, orders.confirmed);
    const held = await insertHolds(database, eventId, ticketTypeId, orders.held);
    await insertOverdueHolds(database, eventId, ticketTypeId, orders.overdue);
    return { eventId, ticketTypeId, held };
  }

  /** How many orders are stored in each state, with the reason why. */
  async function orderCounts(eventId: string): Promise<Record<string, number>> {
    const rows = await running.database.sql<{ state: string; orders: number }>(
      `select concat_ws(' ', status, cancel_reason) as state, count(*)::integer as orders from orders where event_id = $1 group by 1`,
      [eventId],
    );
    return Object.fromEntries(rows.map(({ state, orders }) => [state, orders]));
  }

  const isUnderWay = async (eventId: string) =>
    (await running.database.sql('select from events where id = $1 and has_orders_to_cancel', [eventId])).length === 1;

  async function expectAllCancelled(eventId: string, orders: Orders, booked = 0): Promise<void> {
    const cancelled = orders.confirmed + orders.held + booked;
    expect(await orderCounts(eventId)).toEqual({ 'cancelled event-cancelled': cancelled, expired: orders.overdue });
    expect(await countsOf(running.api, eventId)).toEqual([[0, 0, 2 * totalOf(orders)]]);
    expect(await running.database.brokenInvariants()).toEqual([]);
  }

  it('is one call in bounded memory while others book and confirm, and off sale from its first commit', async () => {
    const process = await startProcess();
    const { eventId, ticketTypeId, held } = await eventWith(MANY);
    const replies: Reply[] = [];
    const done = new AbortController();
    /** Books and confirms, here and in the process that cancels, until the cancellation has its answer. */
    const customer = async (number: number) => {
      const { api } = number % 2 === 0 ? running : process;
      for (let turn = 0; !done.signal.aborted; turn++) {
        replies.push(await api.book(eventId, { [ticketTypeId]: 1 }, number % 3 === 0 ? { holdSeconds: 600 } : {}));
        // From the end: these are cancelled last.
        replies.push(await api.post(`/v1/orders/${held.at(-1 - ((number + 8 * turn) % MANY.held))}/confirm`));
      }
    };
    const customers = Array.from({ length: 8 }, (_, number) => customer(number));
    await eventually('customers have booked', async () => replies.length > 40);

    const cancelling = process.api.post(`/v1/events/${eventId}/cancel`).finally(() => done.abort());
    await eventually('the event is cancelled', () => isUnderWay(eventId));
    const late = await running.api.book(eventId, { [ticketTypeId]: 1 });
    expect(await isUnderWay(eventId)).toBe(true);
    expect(problemOf(late)).toEqual({ status: 409, code: 'event-not-on-sale', reason: 'cancelled' });

    expect(await cancelling).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    await Promise.all(customers);
    const refusals = new Set(replies.flatMap(({ status, body }) => (status < 300 ? [] : [body.code as string])));
    expect([...refusals]).toContain('event-not-on-sale');
    for (const refusal of refusals) expect(['event-not-on-sale', 'order-not-held']).toContain(refusal);
    const booked = replies.filter(({ status }) => status === 201).length;
    await expectAllCancelled(eventId, MANY, booked);
    await process.end();
  }, 120_000);

  async function killedInTheMiddle(): Promise<string> {
    const process = await startProcess();
    const { eventId } = await eventWith(SOME);
    // It does not come to its end before it is killed.
    const lock = await running.database.connect();
    await lock.query('begin');
    await lock.query(
      `select from orders where event_id = $1 and status = 'confirmed' order by sequence desc limit 1 for update`,
      [eventId],
    );
    const cancelling = process.api.post(`/v1/events/${eventId}/cancel`).catch(() => 'no answer');
    await eventually('some orders are cancelled', async () => 'cancelled event-cancelled' in (await orderCounts(eventId)));
    await process.end('SIGKILL');
    await lock.end();
    expect(await cancelling).toBe('no answer');
    expect(Object.keys(await orderCounts(eventId))).toEqual(expect.arrayContaining(['confirmed', 'held']));
    expect(await running.database.brokenInvariants()).toEqual([]);
    return eventId;
  }

  it('killed in the middle, is finished by the background job of another process', async () => {
    const eventId = await killedInTheMiddle();
    expect(await running.app.get(FinishEventCancellationsJob).runOnce()).toBe(1);
    await expectAllCancelled(eventId, SOME);
  }, 120_000);

  it('killed in the middle, is finished by repeats of the request, two at once', async () => {
    const eventId = await killedInTheMiddle();
    const process = await startProcess();
    const repeats = await Promise.all([running.api, process.api].map((api) => api.post(`/v1/events/${eventId}/cancel`)));
    expect(repeats.map(({ status }) => status)).toEqual([200, 200]);
    await expectAllCancelled(eventId, SOME);
  }, 120_000);
});
