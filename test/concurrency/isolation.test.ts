import { startApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';

/** Under REPEATABLE READ the snapshot is older than the lock, and everyone but the first would fail or decide on old numbers. */
describe.each(['repeatable read', 'serializable'])('a database whose default isolation is %s', (isolation) => {
  it.each([
    ['directly', {}],
    ['as behind a transaction pooler', { DATABASE_PGBOUNCER: 'true' }],
  ])('sells each ticket once, without a retry or a failure, %s', async (_name, variables) => {
    const database = await TestDatabase.create();
    await database.sql(`alter database ${database.name} set default_transaction_isolation = '${isolation}'`);
    const running = await startApp({ ...variables, TRANSACTION_RETRIES: '0' }, database);
    const { eventId, ticketTypeId } = await eventOnSale(running.api, [20]);
    const replies = await Promise.all(Array.from({ length: 100 }, () => running.api.book(eventId, { [ticketTypeId]: 1 })));
    expect(countByStatus(replies)).toEqual({ 201: 20, 409: 80 });
    expect(await database.brokenInvariants()).toEqual([]);
    await running.close();
    await database.drop();
  });
});
