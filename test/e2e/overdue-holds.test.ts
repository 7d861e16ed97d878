import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { insertOrders, makeHeld } from '../support/orders.js';

describe('a booking that is short of tickets, with the sweeper off', () => {
  let running: TestApp;
  let api: ApiClient;

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
    await running.app.get(ExpireHoldsJob, { strict: false }).beforeApplicationShutdown();
  });
  afterAll(() => running.close());

  /** Holds of one ticket each that ended a while ago. */
  async function overdueHolds(eventId: string, ticketTypeId: string, count: number): Promise<void> {
    for (const id of await insertOrders(running.database, eventId, ticketTypeId, count)) await makeHeld(running.database, id);
    await running.database.sql(
      `update orders set expires_at = now() - interval '1 minute', created_at = created_at - interval '1 hour'
        where event_id = $1 and status = 'held' and expires_at > now()`,
      [eventId],
    );
  }

  /** How many holds are stored as held, by ticket type. */
  async function storedAsHeld(eventId: string, ticketTypeIds: string[]): Promise<number[]> {
    const rows = await running.database.sql<{ id: string; held: number }>(
      'select id, held from ticket_types where event_id = $1',
      [eventId],
    );
    return ticketTypeIds.map((id) => rows.find((row) => row.id === id)!.held);
  }

  it('takes back the holds past their end of the ticket types that it is short of, and lets the others be', async () => {
    const { eventId, ticketTypeIds } = await eventOnSale(api, [2, 10, 10]);
    const [short, other, left] = ticketTypeIds as [string, string, string];
    // The longest past their end first: those of the other ticket type must not stand in the way.
    await overdueHolds(eventId, other, 10);
    await overdueHolds(eventId, short, 2);
    expect((await api.book(eventId, { [short]: 2, [left]: 1 })).status).toBe(201);
    expect(await storedAsHeld(eventId, ticketTypeIds)).toEqual([0, 10, 0]);
    expect((await api.book(eventId, { [short]: 1 })).status).toBe(409);
    expect(await storedAsHeld(eventId, ticketTypeIds)).toEqual([0, 10, 0]);
    expect((await api.book(eventId, { [other]: 10, [left]: 1 })).status).toBe(201);
  });

  it('is never refused for several ticket types whose tickets all are in holds past their end', async () => {
    const { eventId, ticketTypeIds } = await eventOnSale(api, [600, 3, 1]);
    const [many, few, one] = ticketTypeIds as [string, string, string];
    await overdueHolds(eventId, many, 600);
    await overdueHolds(eventId, few, 3);
    await overdueHolds(eventId, one, 1);
    expect((await api.book(eventId, { [many]: 100, [few]: 3, [one]: 1 })).status).toBe(201);
    for (let booking = 0; booking < 5; booking++) expect((await api.book(eventId, { [many]: 100 })).status).toBe(201);
    expect((await api.book(eventId, { [many]: 1 })).status).toBe(409);
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
