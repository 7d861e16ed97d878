import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { stopJobs } from '../support/jobs.js';
import { insertOrders, makeOverdue } from '../support/orders.js';
import { problemOf } from '../support/problems.js';
import { historyOf } from '../support/reads.js';

describe('the export of what is kept about a customer', () => {
  let running: TestApp;
  let provider: IdentityProvider;
  let api: ApiClient;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
    running = await startApp(provider.environment);
    api = running.api;
    await stopJobs(running, ExpireHoldsJob);
  });
  afterAll(async () => {
    await running.close();
    await provider.stop();
  });

  const path = (person: Record<string, string>) => `/v1/customers/export?${new URLSearchParams(person).toString()}`;

  it('has every order with items and history, newest first, as the API shows them, and nobody else', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const ada = api.as(await provider.token({ sub: 'auth0|ada' }));
    const book = async (by: ApiClient, email: string, options = {}): Promise<string> =>
      (await by.book(eventId, { [ticketTypeId]: 2 }, { email, ...options })).body.id;
    const [first, own, overdue] = [
      await book(api, 'Ada.L@example.com'),
      await book(ada, 'ada.l@example.com'),
      await book(api, 'ada.l@example.com', { holdSeconds: 60 }),
    ];
    const elsewhere = await book(ada, 'elsewhere@example.com');
    await book(api, 'grace@example.com');
    await api.post(`/v1/orders/${first}/cancel`, { reason: 'ill' });
    await makeOverdue(running.database, overdue);
    const asShown = async (id: string, customerSubject: string | null) => ({
      ...(await api.get(`/v1/orders/${id}`)).body,
      customerSubject,
      history: await historyOf(api, id),
    });

    const { status, headers, body } = await api.get(path({ email: 'ADA.L@example.com' }));
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      200,
      'application/json; charset=utf-8',
      'no-store',
    ]);
    expect(body).toEqual({
      exportedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/),
      orders: [await asShown(overdue, null), await asShown(own, 'auth0|ada'), await asShown(first, null)],
    });
    const bySubject = await api.get(path({ subject: 'auth0|ada' }));
    expect(bySubject.body.orders).toEqual([await asShown(elsewhere, 'auth0|ada'), await asShown(own, 'auth0|ada')]);
  });

  it('of somebody unknown: no orders', async () => {
    expect((await api.get(path({ email: 'nobody@example.com' }))).body.orders).toEqual([]);
  });

  it.each<Record<string, string>>([
    {},
    { email: 'a@example.com', subject: 'a' },
    { email: 'x' },
    { subject: '' },
    { name: 'Ada' },
  ])('takes exactly one of email and subject, not %j', async (person) =>
    expect(problemOf(await api.get(path(person))).code).toBe('validation-failed'),
  );

  it('of thousands of orders made in one moment: each once, also for a slow reader; one that leaves does no harm', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [5_000]);
    const ids = await insertOrders(running.database, eventId, ticketTypeId, 3_001);
    await running.database.sql(
      `update orders set customer_key = 'many@example.com', customer_email = 'many@example.com' where event_id = $1`,
      [eventId],
    );
    const read = async () => {
      const url = running.url + path({ email: 'many@example.com' });
      const [response] = (await once(get(url, { headers: api.authorization }), 'response')) as [IncomingMessage];
      return response;
    };
    let text = '';
    for await (const chunk of (await read()).setEncoding('utf8')) {
      text += chunk as string;
      if (Math.random() < 0.02) await sleep(20);
    }
    const { orders } = JSON.parse(text) as { orders: Array<{ id: string; items: object[]; history: object[] }> };
    expect(orders.map(({ id }) => id)).toEqual(ids.toSorted().toReversed());
    expect(orders.every(({ items, history }) => items.length === 1 && history.length === 1)).toBe(true);

    const left = await read();
    await once(left, 'data');
    left.destroy();
    await sleep(100);
    expect((await api.get(`/v1/events/${eventId}`)).status).toBe(200);
  });
});
