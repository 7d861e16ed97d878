import { readFileSync } from 'node:fs';
import { v7 as uuidv7 } from 'uuid';
import { startApp, type TestApp } from '../support/app.js';
import { createTicketType, eventOnSale } from '../support/factories.js';
import { fillTables } from '../support/fill-tables.js';

const RECIPE = readFileSync(new URL('../../docs/scaling/partition-orders.sql', import.meta.url), 'utf8');

describe('orders in partitions, by the recipe of docs/scaling.md', () => {
  let running: TestApp;
  const first: { eventId: string; ticketTypeId: string } = { eventId: '', ticketTypeId: '' };
  const second: { eventId: string; ticketTypeId: string } = { eventId: '', ticketTypeId: '' };

  const partitionsOf = async (eventId: string) =>
    (
      await running.database.sql<{ name: string }>(
        'select distinct tableoid::regclass::text as name from orders where event_id = $1',
        [eventId],
      )
    ).map(({ name }) => name);

  beforeAll(async () => {
    running = await startApp();
    const { api, database } = running;
    await fillTables(api, database);
    Object.assign(first, await eventOnSale(api, [100]));
    await api.book(first.eventId, { [first.ticketTypeId]: 1 });
    await database.sql(RECIPE.replaceAll(`:'cut'`, `'${uuidv7()}'`));
    await running.app.close();
    running = await startApp({}, database);
    Object.assign(second, await eventOnSale(running.api, [100]));
  });
  afterAll(async () => {
    await running.close();
    await running.database.drop();
  });

  it('are booked, held, confirmed and cancelled like before, in the partition of their event', async () => {
    const { api, database } = running;
    for (const { eventId, ticketTypeId } of [first, second]) {
      const booked = await api.book(eventId, { [ticketTypeId]: 2 });
      const held = await api.book(eventId, { [ticketTypeId]: 3 }, { holdSeconds: 60 });
      const steps = [
        await api.post(`/v1/orders/${held.body.id}/confirm`),
        await api.post(`/v1/orders/${booked.body.id}/cancel`, { items: [{ ticketTypeId, quantity: 1 }] }),
        await api.get(`/v1/orders/${booked.body.id}`),
        await api.get(`/v1/orders?eventId=${eventId}`),
      ];
      expect([booked.status, held.status, ...steps.map(({ status }) => status)]).toEqual([201, 201, 200, 200, 200, 200]);
    }
    expect(await partitionsOf(first.eventId)).toEqual(['orders_first']);
    expect(await partitionsOf(second.eventId)).toEqual(['orders_second']);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('are read and locked in one partition where the event is named, and in all by id alone', async () => {
    const plan = async (query: string) => {
      const rows = await running.database.sql<{ 'QUERY PLAN': string }>(`explain ${query}`);
      return ['orders_first', 'orders_second'].filter((name) => rows.some((row) => row['QUERY PLAN'].includes(name)));
    };
    const id = uuidv7();
    expect(await plan(`select from orders where event_id = '${second.eventId}' and id = '${id}' for update`)).toEqual([
      'orders_second',
    ]);
    expect(await plan(`update orders set version = 2 where event_id = '${first.eventId}' and id = '${id}'`)).toEqual([
      'orders_first',
    ]);
    expect(await plan(`select from orders where id = '${id}'`)).toEqual(['orders_first', 'orders_second']);
  });

  it('have every index and every reference in all partitions: the recipe knows those of the newest schema', async () => {
    const { database } = running;
    const ofOnePartition = await database.sql(
      `select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relname like '%\\_first' and not exists (select from pg_inherits where inhrelid = i.indexrelid)`,
    );
    expect(ofOnePartition).toEqual([]);
    const toOnePartition = await database.sql(
      `select conname as name from pg_constraint where contype = 'f' and conparentid = 0 and confrelid::regclass::text like '%\\_first'`,
    );
    expect(toOnePartition).toEqual([]);
  });

  it('keep the rules of the database: sequences, references, ticket types in use', async () => {
    const { api, database } = running;
    const duplicate = `insert into order_history select * from order_history where event_id = '${second.eventId}' limit 1`;
    await expect(database.sql(duplicate)).rejects.toThrow('duplicate key');
    const orphan = `update order_items set order_id = '${uuidv7()}' 
       where (order_id, ticket_type_id) = (select order_id, ticket_type_id from order_items where event_id = '${second.eventId}' limit 1)`;
    await expect(database.sql(orphan)).rejects.toThrow('order_items_order_fkey');
    const { headers } = await api.get(`/v1/events/${second.eventId}/ticket-types/${second.ticketTypeId}`);
    const inUse = await api.send('DELETE', `/v1/events/${second.eventId}/ticket-types/${second.ticketTypeId}`, undefined, {
      'if-match': headers.get('etag')!,
    });
    expect([inUse.status, inUse.body.code]).toEqual([409, 'ticket-type-in-use']);
    const unused = await createTicketType(api, second.eventId, { name: 'Unused' });
    const gone = await api.send('DELETE', `/v1/events/${second.eventId}/ticket-types/${unused}`, undefined, { 'if-match': '*' });
    expect(gone.status).toBe(204);
  });
});
