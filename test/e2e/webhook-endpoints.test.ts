import { randomBytes } from 'node:crypto';
import { startApp, WEBHOOK_SECRET_KEY, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { createEvent } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { verify, WebhookReceiver } from '../support/webhook-receiver.js';

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';
const URL = 'https://erp.example.com/hooks';
const PATH = '/v1/webhook-endpoints';

describe('webhook endpoints', () => {
  let running: TestApp;
  let api: ApiClient;
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    running = await startApp({ WEBHOOK_ALLOW_PRIVATE_NETWORKS: 'true' });
    api = running.api;
    receiver = await WebhookReceiver.start();
  });
  afterAll(async () => {
    await running.close();
    await receiver.stop();
  });

  it('are made with as little as a URL', async () => {
    const { status, body, headers } = await api.post(PATH, { url: URL });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`${PATH}/${body.id}`);
    expect(headers.get('etag')).toBe('"1"');
    expect(body).toEqual({
      ...{ id: expect.any(String), url: URL, types: null, eventId: null, description: null, enabled: true, version: 1 },
      ...{ disabledReason: null, failingSince: null, previousSecretEndsAt: null },
      ...{ createdAt: expect.any(String), updatedAt: body.createdAt },
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    const { secret: _, ...shown } = body;
    expect((await api.get(`${PATH}/${body.id}`)).body).toEqual(shown);
    expect((await api.get(PATH)).body.items[0]).toEqual(shown);
  });

  it('are made with types, each once, and an event', async () => {
    const eventId = await createEvent(api);
    const types = ['order.confirmed', 'webhook-endpoint.disabled', 'order.confirmed'];
    const { body } = await api.post(PATH, { url: URL, types, eventId, description: 'ERP', enabled: false });
    expect(body).toMatchObject({ types: types.slice(0, 2), eventId, description: 'ERP', enabled: false });
  });

  it.each([
    [{ url: 'erp.example.com' }, '/url'],
    [{ url: 'ftp://erp.example.com' }, '/url'],
    [{ url: `https://${'x'.repeat(2_000)}/` }, '/url'],
    [{ url: 'https://a:b@erp.example.com/' }, '/url'],
    [{ url: URL, types: [] }, '/types'],
    [{ url: URL, types: ['order.made'] }, '/types'],
    [{ url: URL, types: ['webhook-endpoint.test'] }, '/types'],
    [{ url: URL, types: [7] }, '/types'],
    [{ url: URL, types: 'order.held' }, '/types'],
    [{ url: URL, eventId: 'x' }, '/eventId'],
    [{ url: URL, enabled: null }, '/enabled'],
    [{ url: URL, secret: 'whsec_AAAA' }, '/secret'],
    [{}, '/url'],
  ])('are not made of %j', async (body, pointer) => {
    const reply = await api.post(PATH, body);
    expect(reply.body).toMatchObject({ status: 400, code: 'validation-failed' });
    const pointers = reply.body.errors.map((error: { pointer: string }) => error.pointer.replace(/\/\d+$/, ''));
    expect([...new Set(pointers)]).toEqual([pointer]);
  });

  it('are not made for an event that there is not', async () => {
    expect((await api.post(PATH, { url: URL, eventId: UNKNOWN })).body.code).toBe('event-not-found');
  });

  it('are changed from the version that the caller knows', async () => {
    const { body } = await api.post(PATH, { url: URL, types: ['order.held'], description: 'ERP' });
    const path = `${PATH}/${body.id}`;
    expect((await api.patch(path, {})).status).toBe(428);
    expect((await api.patch(path, {}, { 'if-match': '"2"' })).body.code).toBe('stale-version');
    const changed = await api.patch(path, { types: null, description: null, enabled: false }, { 'if-match': '"1"' });
    expect(changed.headers.get('etag')).toBe('"2"');
    expect(changed.body).toMatchObject({ url: URL, types: null, description: null, enabled: false, version: 2 });
    expect((await api.patch(path, { url: null }, { 'if-match': '*' })).body.code).toBe('validation-failed');
    expect((await api.patch(path, { eventId: UNKNOWN }, { 'if-match': '*' })).body.code).toBe('event-not-found');
    expect((await api.get(path, { 'if-none-match': '"2"' })).status).toBe(304);
  });

  it('are deleted, and are gone then', async () => {
    const { body } = await api.post(PATH, { url: URL });
    const path = `${PATH}/${body.id}`;
    expect((await api.send('DELETE', path, undefined, { 'if-match': '"7"' })).status).toBe(412);
    expect((await api.send('DELETE', path)).status).toBe(204);
    for (const [method, of] of [
      ['GET', ''],
      ['DELETE', ''],
      ['PATCH', ''],
      ['POST', '/rotate-secret'],
      ['POST', '/test'],
      ['GET', '/deliveries'],
    ] as const) {
      const reply = await api.send(method, path + of, method === 'PATCH' ? {} : undefined, { 'if-match': '*' });
      expect(reply.body).toMatchObject({ status: 404, code: 'webhook-endpoint-not-found' });
    }
  });

  it('are listed newest first, a page at a time', async () => {
    for (let count = 0; count < 3; count++) await api.post(PATH, { url: URL });
    const whole = (await api.get(`${PATH}?limit=200`)).body.items.map(({ id }: { id: string }) => id);
    expect(whole).toEqual(whole.toSorted().toReversed());
    const first = (await api.get(`${PATH}?limit=2`)).body;
    const second = (await api.get(`${PATH}?limit=2&cursor=${first.nextCursor}`)).body;
    const paged = [...first.items, ...second.items].map(({ id }) => id);
    expect(paged).toEqual(whole.slice(0, 4));
  });

  /** All that is stored, as text. */
  async function stored(): Promise<string> {
    const rows: unknown[] = [];
    for (const table of ['webhook_endpoints', 'webhook_deliveries', 'idempotency_keys', 'domain_events', 'pgboss.job']) {
      rows.push(await running.database.sql(`select t::text from ${table} t`));
    }
    return JSON.stringify(rows);
  }

  it('have secrets that are stored encrypted only, and shown this one time', async () => {
    const headers = { 'idempotency-key': 'with-a-secret' };
    const { body } = await api.post(PATH, { url: receiver.url }, headers);
    const again = await api.post(PATH, { url: receiver.url }, headers);
    expect(again).toMatchObject({ status: 201, body: { ...body, secret: null } });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const rotate = () => api.post(`${PATH}/${body.id}/rotate-secret`, undefined, { 'idempotency-key': 'rotated' });
    const rotated = await rotate();
    expect(rotated).toMatchObject({ status: 200, body: { version: 2, secret: expect.stringContaining('whsec_') } });
    expect(await rotate()).toMatchObject({ status: 200, body: { ...rotated.body, secret: null } });
    await api.post(`${PATH}/${body.id}/test`);
    await receiver.until(() => receiver.received.length === 1);
    const all = await stored();
    expect(all).toContain(body.id);
    for (const secret of [body.secret, rotated.body.secret] as string[]) {
      verify(secret, receiver.received[0]!);
      const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
      for (const form of [secret, secret.slice('whsec_'.length), bytes.toString('hex'), bytes.toString('base64url')]) {
        expect(all).not.toContain(form);
      }
    }
    expect(all).not.toContain('whsec_');
  });

  it('have secrets that belong to them: those of two cannot be swapped in the database', async () => {
    const [one, two] = [await api.post(PATH, { url: receiver.url }), await api.post(PATH, { url: receiver.url })];
    await running.database.sql(
      'update webhook_endpoints set secret = (select secret from webhook_endpoints where id = $1) where id = $2',
      [one.body.id, two.body.id],
    );
    await api.post(`${PATH}/${two.body.id}/test`);
    const error = await eventually('the attempt', async () => {
      const { body } = await api.get(`${PATH}/${two.body.id}/deliveries`);
      return body.items[0].error as string | null;
    });
    expect(error).toContain('cannot be decrypted');
  });
});

describe('the key of the secrets', () => {
  it('may be followed by former ones, and when there is none, no endpoint can be made', async () => {
    const receiver = await WebhookReceiver.start();
    const first = await startApp({ WEBHOOK_ALLOW_PRIVATE_NETWORKS: 'true' });
    const { body } = await first.api.post(PATH, { url: receiver.url });
    await first.app.close();

    const key = randomBytes(32).toString('base64');
    const both = { WEBHOOK_ALLOW_PRIVATE_NETWORKS: 'true', WEBHOOK_SECRET_KEY: `${key},${WEBHOOK_SECRET_KEY}` };
    const second = await startApp(both, first.database);
    await second.api.post(`${PATH}/${body.id}/test`);
    await receiver.until(() => receiver.received.length === 1);
    verify(body.secret, receiver.received[0]!);
    await second.app.close();

    const third = await startApp({ WEBHOOK_SECRET_KEY: '' }, first.database);
    for (const path of [PATH, `${PATH}/${body.id}/rotate-secret`]) {
      const reply = await third.api.post(path, path === PATH ? { url: URL } : undefined);
      expect(reply.body).toMatchObject({ status: 503, code: 'webhooks-not-configured' });
    }
    await third.app.close();
    await receiver.stop();
    await first.database.drop();
  });
});
