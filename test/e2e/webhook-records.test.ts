import { randomUUID } from 'node:crypto';
import { ADMIN } from '../support/api-keys.js';
import type { ApiClient } from '../support/client.js';
import { tablesWith } from '../support/dump.js';
import { eventOnSale } from '../support/factories.js';
import { LATER_MS, LONG_TIMEOUT_MS, WebhookSetting } from '../support/webhook-setting.js';

describe('what is kept about webhooks', () => {
  let on: WebhookSetting;
  let api: ApiClient;

  beforeAll(async () => {
    on = await WebhookSetting.start();
    ({ api } = on.running);
  });
  afterAll(() => on.stop());
  beforeEach(() => on.reset());

  it('has a line in the audit log for each change by staff, without any secret', async () => {
    const { path, secret } = await on.endpoint();
    const id = path.split('/').at(-1)!;
    await api.patch(path, { description: 'The warehouse' }, { 'if-match': '*' });
    await api.post(`${path}/rotate-secret`, undefined, { 'idempotency-key': randomUUID() });
    await api.send('DELETE', path);
    const { items } = (await api.get(`/v1/audit-log?targetId=${id}`)).body;
    expect(items.map(({ action, actor }: any) => [action, actor]).toReversed()).toEqual(
      ['created', 'updated', 'secret-rotated', 'deleted'].map((verb) => [`webhook-endpoint.${verb}`, ADMIN.caller]),
    );
    expect(items.at(-2)).toMatchObject({ before: { description: null }, after: { description: 'The warehouse' } });
    expect([items[0].after, items.at(-1).before]).toEqual([null, null]);
    expect(JSON.stringify(items)).not.toContain(secret);
    expect(JSON.stringify(items)).not.toContain('secret"');
  });

  it('names nobody any more who was erased, neither what was sent nor what waits', async () => {
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const email = 'augusta@example.com';
    await api.book(eventId, { [ticketTypeId]: 1 }, { email });
    const { body: other } = await api.book(eventId, { [ticketTypeId]: 1 }, { email: 'grace@example.com' });
    const bodies = async () =>
      (await on.running.database.sql<{ body: string }>('select body from webhook_deliveries')).map(({ body }) => body);
    await on.receiver.until(async () => (await bodies()).some((body) => body.includes(email)));
    await on.receiver.until(async () => (await bodies()).some((body) => body.includes(other.id)));
    expect((await api.post('/v1/customers/erase', { email }, { 'idempotency-key': randomUUID() })).status).toBe(200);
    const left = (await bodies()).join();
    expect(left).not.toContain(email);
    expect(left).toContain('@erased.invalid');
    expect(left).toContain('grace@example.com');
    expect((await on.deliveriesOf(path)).length).toBe(2);
  });

  it('names nobody who was erased before the endpoint answered with what it got', async () => {
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const email = 'lovelace@example.com';
    let finish = () => {};
    on.receiver.answer = ({ text }, response) => {
      if (!text.includes(email)) return response.end();
      finish = () => response.writeHead(500).end(text.slice(text.indexOf('"customer"')));
    };
    on.schedule.retryDelaysMs = [LATER_MS];
    on.schedule.timeoutMs = LONG_TIMEOUT_MS;
    await api.book(eventId, { [ticketTypeId]: 1 }, { email });
    await on.receiver.until(() => on.receiver.received.some(({ text }) => text.includes(email)));
    expect((await api.post('/v1/customers/erase', { email }, { 'idempotency-key': randomUUID() })).body.orders).toBe(1);
    finish();
    expect(await on.attempted(path)).toMatchObject({ status: 'pending', attempts: 1, responseStatus: 500, responseBody: null });
    expect(await tablesWith(on.running.database, email)).toEqual([]);
  });

  it('remembers no answer of an endpoint under the key of a request to send once more', async () => {
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const email = 'byron@example.com';
    on.receiver.answer = ({ text }, response) => response.end(text.slice(text.indexOf('"customer"')));
    await api.book(eventId, { [ticketTypeId]: 1 }, { email });
    const { id, responseBody } = await on.attempted(path);
    expect(responseBody).toContain(email);
    const again = () => api.post(`${path}/deliveries/${id}/redeliver`, undefined, { 'idempotency-key': 'again' });
    expect((await again()).body).toMatchObject({ id, responseBody });
    expect((await again()).body).toMatchObject({ id, responseStatus: 200, responseBody: null });
    await on.receiver.until(async () => (await on.deliveriesOf(path))[0].attempts === 2);
    await api.post('/v1/customers/erase', { email }, { 'idempotency-key': randomUUID() });
    expect(await tablesWith(on.running.database, email)).toEqual([]);
  });
});
