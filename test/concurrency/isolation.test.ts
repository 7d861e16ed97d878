import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';

/** Under REPEATABLE READ the snapshot is older than the lock, and everyone but the first would fail or decide on old numbers. */
describe.each([
  ['repeatable read', 'directly', {}],
  ['repeatable read', 'as behind a transaction pooler', { DATABASE_PGBOUNCER: 'true' }],
  ['serializable', 'directly', {}],
  ['serializable', 'as behind a transaction pooler', { DATABASE_PGBOUNCER: 'true' }],
])('a database whose default isolation is %s, reached %s', (isolation, _how, variables) => {
  let database: TestDatabase;
  let running: TestApp;

  beforeAll(async () => {
    database = await TestDatabase.create();
    await database.sql(`alter database ${database.name} set default_transaction_isolation = '${isolation}'`);
    running = await startApp({ ...variables, TRANSACTION_RETRIES: '0' }, database);
  });
  afterAll(async () => {
    await running.close();
    await database.drop();
  });

  it('sells each ticket once, without a retry or a failure', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(running.api, [20]);
    const replies = await Promise.all(Array.from({ length: 100 }, () => running.api.book(eventId, { [ticketTypeId]: 1 })));
    expect(countByStatus(replies)).toEqual({ 201: 20, 409: 80 });
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
