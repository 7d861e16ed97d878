import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import { TestDatabase } from '../support/database.js';
import { createEvent, eventOnSale } from '../support/factories.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

describe('an idle connection that died unnoticed', () => {
  let running: TestApp;
  let proxy: PostgresProxy;

  beforeAll(async () => {
    const database = await TestDatabase.create();
    proxy = await PostgresProxy.start(database.url);
    // One connection, so that the next statement is sure to meet the dead one.
    running = await startApp({ DATABASE_URL: proxy.url, DATABASE_POOL_MAX: '1' }, database);
  });
  afterAll(async () => {
    await running.close();
    await proxy.close();
    await running.database.drop();
  });

  it('is replaced without the caller noticing, whatever the request does first', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const { body: order } = await api.book(eventId, { [ticketTypeId]: 1 });
    const draft = await createEvent(api);
    const requests = [
      () => api.get(`/v1/events/${eventId}`),
      () => api.get('/health/ready'),
      () => api.book(eventId, { [ticketTypeId]: 1 }),
      () => api.post(`/v1/orders/${order.id}/cancel`),
      () => api.post(`/v1/orders/${order.id}/cancel`, undefined, { 'idempotency-key': randomUUID() }),
      () => api.patch(`/v1/events/${draft}`, { name: 'Changed' }, { 'if-match': '"1"' }),
      () => fetch(`${api.url}/v1/events/${eventId}/orders.csv`, { headers: api.authorization }),
      () => api.post(`/v1/events/${eventId}/cancel`),
    ];
    const statuses = [];
    for (const request of requests) {
      proxy.loseConnectionsUnnoticed();
      statuses.push((await request()).status);
    }
    expect(statuses).toEqual([200, 200, 201, 200, 200, 200, 200, 200]);
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
