import { randomUUID } from 'node:crypto';
import type { ApiClient, Reply } from './client.js';
import type { TestDatabase } from './database.js';
import { createEvent, createTicketType, eventOnSale } from './factories.js';
import { moduleRows } from './module-contract.js';

/** Rows of tables that the calls of {@link fillTables} leave empty. A new table that they do not reach gets its line here. */
const BY_HAND: Readonly<Record<string, string>> = {
  customer_erasures: `insert into customer_erasures (caller, key, fingerprint, pseudonym_id) values ('k:1', 'a', repeat('0', 64), gen_random_uuid())`,
  domain_event_cursors: `insert into domain_event_cursors (name, transaction_id, position, updated_at) values ('reader', '1', 0, now())`,
  reconciliations: `insert into reconciliations (id, repairs, started_at, heartbeat_at, finished_at, outcome) values (gen_random_uuid(), false, now(), now(), now(), 'complete')`,
  rate_limits: `insert into rate_limits (key, points, expire) values ('k:1', 3, 4102444800000)`,
};

/** Not those of Holdfast. */
const OTHERS = new Set(['mikro_orm_migrations']);

/**
 * Rows in every table: events in each status, orders that went through each step.
 * @throws Error that names the tables which are still empty
 */
export async function fillTables(api: ApiClient, database: TestDatabase): Promise<void> {
  const { eventId, ticketTypeId } = await eventOnSale(api, [100, 50], { maxTicketsPerCustomer: 90, metadata: { hall: 'A' } });
  await createTicketType(api, await createEvent(api, { name: 'Draft' }));
  const cancelled = await eventOnSale(api, [10]);
  await api.book(cancelled.eventId, { [cancelled.ticketTypeId]: 2 });
  await done(api.post(`/v1/events/${cancelled.eventId}/cancel`));

  const book = async (holdSeconds?: number): Promise<string> =>
    (await done(api.book(eventId, { [ticketTypeId]: 3 }, holdSeconds ? { holdSeconds } : {}))).id;
  const step = async (order: string, name: string, body: object = {}) => done(api.post(`/v1/orders/${order}/${name}`, body));
  await book();
  await step(await book(600), 'extend', { seconds: 900 });
  await step(await book(600), 'confirm', { paymentReference: 'pay_1' });
  await step(await book(600), 'cancel');
  await step(await book(), 'cancel', { reason: 'ill' });
  await step(await book(), 'cancel', { items: [{ ticketTypeId, quantity: 1 }] });
  await done(api.post(`/v1/events/${eventId}/vouchers`, { code: 'TENTH', discount: { percent: 10 } }));
  const customer = { email: 'eve@example.com', name: 'Eve' };
  const reduced = { items: [{ ticketTypeId, quantity: 2 }], customer, voucherCode: 'TENTH' };
  await done(api.post(`/v1/events/${eventId}/bookings`, reduced, { 'idempotency-key': randomUUID() }));
  await done(api.book(eventId, { [ticketTypeId]: 1 }, { email: 'gone@example.com' }));
  await done(api.post('/v1/customers/erase', { email: 'gone@example.com' }, { 'idempotency-key': randomUUID() }));
  await done(api.post('/v1/api-keys', { name: 'Shop', scopes: ['bookings:write'] }));

  await moduleRows(api, eventId, database);

  for (const [table, statement] of Object.entries(BY_HAND)) {
    if (await isEmpty(database, table)) await database.sql(statement);
  }
  const empty: string[] = [];
  for (const table of await tablesOf(database)) if (await isEmpty(database, table)) empty.push(table);
  if (empty.length > 0) throw new Error(`Tables without rows: ${empty.join(', ')}. Fill them in test/support/fill-tables.ts.`);
}

export async function tablesOf(database: TestDatabase): Promise<string[]> {
  const tables = await database.sql<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' order by 1`,
  );
  return tables.map(({ name }) => name).filter((name) => !OTHERS.has(name));
}

async function isEmpty(database: TestDatabase, table: string): Promise<boolean> {
  return (await database.sql(`select from "${table}" limit 1`)).length === 0;
}

async function done(asked: Promise<Reply>) {
  const { status, body } = await asked;
  if (status >= 300) throw new Error(`A call was answered with ${status}: ${JSON.stringify(body)}`);
  return body;
}
