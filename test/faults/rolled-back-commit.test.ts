import { MikroORM } from '@mikro-orm/postgresql';
import { startApp, type TestApp } from '../support/app.js';
import { CommitRolledBackError } from '../../src/platform/database/database-errors.js';
import { eventOnSale } from '../support/factories.js';
import { noneLeftInTransaction } from '../support/faults.js';

describe('a COMMIT that is answered with ROLLBACK', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  const swallowingAnError = (eventId: string) =>
    running.app
      .get(MikroORM)
      .em.fork()
      .transactional(async (em) => {
        await em.execute('update events set name = ? where id = ?', ['Changed', eventId]);
        await em.execute('select 1 / 0').catch(() => {});
        return 'done';
      });

  it('is an error: a transaction in which an SQL error was swallowed does not pass for a commit', async () => {
    const { eventId } = await eventOnSale(running.api);
    await expect(swallowingAnError(eventId)).rejects.toBeInstanceOf(CommitRolledBackError);
    expect((await running.api.get(`/v1/events/${eventId}`)).body.name).toBe('Concert');
  });

  it('leaves a connection that is used again, and no transaction open', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    for (let time = 0; time < 20; time++) await swallowingAnError(eventId).catch(() => {});
    expect((await running.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    await noneLeftInTransaction(running.database);
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('an error inside a savepoint does not spoil the transaction around it', async () => {
    const { eventId } = await eventOnSale(running.api);
    await running.app
      .get(MikroORM)
      .em.fork()
      .transactional(async (em) => {
        await em.execute('update events set name = ? where id = ?', ['Changed', eventId]);
        await em.transactional((inner) => inner.execute('select 1 / 0')).catch(() => {});
      });
    expect((await running.api.get(`/v1/events/${eventId}`)).body.name).toBe('Changed');
  });
});
