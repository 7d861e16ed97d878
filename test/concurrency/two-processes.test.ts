import { countByStatus } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { noneLeftInTransaction } from '../support/faults.js';
import { AppProcess } from '../support/process.js';

describe.each([
  ['with the usual pool', {}],
  ['with a pool of 3 connections each', { DATABASE_POOL_MAX: '3' }],
  ['with a single connection each', { DATABASE_POOL_MAX: '1' }],
])('two app processes on one database, %s', (_pool, variables) => {
  let database: TestDatabase;
  let processes: AppProcess[] = [];

  beforeAll(async () => {
    database = await TestDatabase.create();
    const start = () => AppProcess.start({ DATABASE_URL: database.url, ...variables });
    processes = await Promise.all([start(), start()]);
  });
  afterAll(async () => {
    await Promise.all(processes.map((process) => process.end()));
    await database.drop();
  });

  it('500 at once for 100 tickets: exactly 100 are sold, and no connection is left in a transaction', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(processes[0]!.api, [100]);
    const replies = await Promise.all(
      Array.from({ length: 500 }, (_, index) => processes[index % 2]!.api.book(eventId, { [ticketTypeId]: 1 })),
    );
    expect(countByStatus(replies)).toEqual({ 201: 100, 409: 400 });
    expect(await database.brokenInvariants()).toEqual([]);
    await noneLeftInTransaction(database);
  });

  it('a key that is sent to both at once books once', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(processes[0]!.api, [100]);
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        processes[index % 2]!.api.book(eventId, { [ticketTypeId]: 3 }, { key: `both-${Math.floor(index / 4)}` }),
      ),
    );
    expect(countByStatus(replies)).toEqual({ 201: 40 });
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(10);
    const { body } = await processes[1]!.api.get(`/v1/events/${eventId}/availability`);
    expect(body.ticketTypes[0]).toMatchObject({ sold: 30, available: 70 });
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
