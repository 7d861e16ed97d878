import { setTimeout as sleep } from 'node:timers/promises';
import { FinishEventCancellationsJob } from '../../src/modules/booking/finish-event-cancellations.job.js';
import { startApp, type TestApp } from '../support/app.js';
import { createEvent, createTicketType } from '../support/factories.js';
import { insertOrders } from '../support/orders.js';
import { AppProcess } from '../support/process.js';

const ORDERS = 20_000;
/** Enough for the app and a batch of orders; all of them at once end the process. */
const HEAP_MB = 96;

describe(`the cancellation of an event with ${ORDERS} orders`, () => {
  let running: TestApp;
  let process: AppProcess;

  beforeAll(async () => {
    running = await startApp();
    process = await AppProcess.start({ DATABASE_URL: running.database.url, NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` });
  });
  afterAll(async () => {
    await process.end();
    await running.close();
  });

  async function largeEvent(): Promise<{ eventId: string; ticketTypeId: string }> {
    const eventId = await createEvent(running.api);
    const ticketTypeId = await createTicketType(running.api, eventId, { capacity: 2 * ORDERS });
    await running.api.post(`/v1/events/${eventId}/publish`);
    await insertOrders(running.database, eventId, ticketTypeId, ORDERS);
    return { eventId, ticketTypeId };
  }

  const live = async (eventId: string) =>
    Number(
      (await running.database.sql(`select count(*) from orders where event_id = $1 and status = 'confirmed'`, [eventId]))[0]![
        'count'
      ],
    );
  const isCancelled = async (eventId: string) =>
    (await running.database.sql(`select from events where id = $1 and status = 'cancelled'`, [eventId])).length === 1;

  it('is one call, off sale at its first commit, with exact counts, in bounded memory', async () => {
    const { eventId, ticketTypeId } = await largeEvent();
    const cancelling = process.api.post(`/v1/events/${eventId}/cancel`);
    while (!(await isCancelled(eventId))) await sleep(5);
    const late = await running.api.book(eventId, { [ticketTypeId]: 1 });
    expect(late).toMatchObject({ status: 409, body: { code: 'event-not-on-sale', reason: 'cancelled' } });

    expect((await cancelling).status).toBe(200);
    expect(await live(eventId)).toBe(0);
    const { body } = await running.api.get(`/v1/events/${eventId}/availability`);
    expect(body.ticketTypes[0]).toMatchObject({ held: 0, sold: 0, available: 2 * ORDERS });
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('killed in the middle, it is finished by another process', async () => {
    const { eventId } = await largeEvent();
    const cancelling = process.api.post(`/v1/events/${eventId}/cancel`).catch(() => 'no answer');
    while ((await live(eventId)) === ORDERS) await sleep(5);
    await process.end('SIGKILL');
    expect(await cancelling).toBe('no answer');
    expect(await live(eventId)).toBeGreaterThan(0);
    expect(await running.database.brokenInvariants()).toEqual([]);

    expect(await running.app.get(FinishEventCancellationsJob).runOnce()).toBe(1);
    expect(await live(eventId)).toBe(0);
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
