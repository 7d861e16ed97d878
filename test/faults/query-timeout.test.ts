import { EntityManager } from '@mikro-orm/postgresql';
import { allowLongStatements } from '../../src/platform/database/long-statements.js';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { backendGone, blockedBackend, holdEventLock } from '../support/faults.js';

describe('a query that outlasts DATABASE_QUERY_TIMEOUT_MS', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp({
      DATABASE_QUERY_TIMEOUT_MS: '3000',
      // Longer than the time-out under test, as for a server that does not answer at all.
      DATABASE_LOCK_TIMEOUT_MS: '600000',
      DATABASE_STATEMENT_TIMEOUT_MS: '600000',
      DATABASE_TRANSACTION_TIMEOUT_MS: '600000',
      DATABASE_POOL_MAX: '1',
      TRANSACTION_RETRIES: '0',
    });
  });
  afterAll(() => running.close());

  it('loses its connection, which is not given busy to the next query', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const lock = await holdEventLock(database, eventId);
    const booking = api.book(eventId, { [ticketTypeId]: 1 });
    const backend = await blockedBackend(database);
    expect(await booking).toMatchObject({ status: 503, body: { code: 'database-unavailable' } });
    for (let query = 0; query < 5; query++) expect((await api.get(`/v1/events/${eventId}`)).status).toBe(200);
    await backendGone(database, backend);
    await lock.release();
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('is waited for in a transaction that allows itself more time, and in no other on its connection', async () => {
    const em = running.app.get(EntityManager);
    await em.fork().transactional(async (transaction) => {
      await allowLongStatements(transaction, 30_000);
      await transaction.execute('select pg_sleep(4)');
    });
    const sleeping = em.fork().transactional((transaction) => transaction.execute('select pg_sleep(30)'));
    await expect(sleeping).rejects.toThrow('no answer within');
  });
});
