import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import { ADMIN } from '../support/api-keys.js';
import { checksums } from '../support/checksums.js';
import { createEvent, eventBody, eventOnSale, ticketTypeBody } from '../support/factories.js';
import { rawRequest, sendRaw } from '../support/raw.js';

const SQL = [
  `'; drop table orders; --`,
  `' or '1'='1`,
  `\\'; delete from events; --`,
  `$$; truncate orders; $$`,
  `" or ""="`,
  `%27%20or%201=1`,
  `) union select secret_hash from api_keys --`,
  `{"$gt":""}`,
  '${7*7}{{7*7}}<%= 7*7 %>',
  `x\r\nSet-Cookie: a=b`,
];

describe('abuse', () => {
  let running: TestApp;
  let eventId: string;
  let ticketTypeId: string;
  let orderId: string;

  beforeAll(async () => {
    running = await startApp();
    ({ eventId, ticketTypeId } = await eventOnSale(running.api));
    orderId = (await running.api.book(eventId, { [ticketTypeId]: 1 })).body.id;
  });
  afterAll(() => running.close());

  const unchanged = async (work: () => Promise<void>) => {
    const before = await checksums(running.database);
    await work();
    expect(await checksums(running.database)).toEqual(before);
  };

  describe('SQL', () => {
    it.each(SQL)('%j in texts is kept as it is', async (text) => {
      const { api } = running;
      const event = await api.post('/v1/events', eventBody({ name: text, description: text, venue: text, metadata: { text } }));
      expect([event.status, event.body]).toMatchObject([201, { name: text, description: text, venue: text, metadata: { text } }]);
      const ticketType = await api.post(`/v1/events/${event.body.id}/ticket-types`, ticketTypeBody({ name: text }));
      expect(ticketType.body.name).toBe(text);
      await api.post(`/v1/events/${event.body.id}/publish`);
      const order = await api.post(
        `/v1/events/${event.body.id}/bookings`,
        {
          items: [{ ticketTypeId: ticketType.body.id, quantity: 1 }],
          customer: { email: 'ada@example.com', name: text },
          metadata: { text },
        },
        { 'idempotency-key': `key ${text.replaceAll(/[^ -~]/g, '')}` },
      );
      expect([order.status, order.body]).toMatchObject([201, { customer: { name: text }, metadata: { text } }]);
      const cancelled = await api.post(`/v1/orders/${order.body.id}/cancel`, { reason: text });
      expect(cancelled.body.cancelReason).toBe(text);
      const found = await api.get(`/v1/events?q=${encodeURIComponent(text)}`);
      expect(found.body.items.map(({ id }: { id: string }) => id)).toContain(event.body.id);
      expect(await running.database.brokenInvariants()).toEqual([]);
    });

    it.each(SQL)('%j in every parameter finds nothing and breaks nothing', (text) =>
      unchanged(async () => {
        const sent = encodeURIComponent(text);
        const paths = [
          ...['q', 'status', 'startsAfter', 'cursor', 'limit'].map((name) => `/v1/events?${name}=${sent}`),
          ...['eventId', 'status', 'email', 'cursor'].map((name) => `/v1/orders?${name}=${sent}`),
          ...[`/v1/events/${sent}`, `/v1/orders/${sent}`, `/v1/api-keys/${sent}`, `/v1/api-keys?cursor=${sent}`],
        ];
        for (const path of paths) expect([200, 400, 404]).toContain((await running.api.get(path)).status);
      }),
    );
  });

  it.each(['id', 'status', 'sold', 'held', 'version', 'sequence', 'total', 'currency', 'createdAt', 'customerSubject', 'role'])(
    'a body may not set %s',
    (member) =>
      unchanged(async () => {
        const { api } = running;
        const ifMatch = { 'if-match': '*' };
        const replies = [
          await api.patch(`/v1/events/${eventId}`, { [member]: 1 }, ifMatch),
          await api.patch(`/v1/events/${eventId}/ticket-types/${ticketTypeId}`, { [member]: 1 }, ifMatch),
          await api.post(`/v1/orders/${orderId}/cancel`, { [member]: 1 }),
          await api.post(`/v1/orders/${orderId}/confirm`, { [member]: 1 }),
          await api.post(
            `/v1/events/${eventId}/bookings`,
            { items: [{ ticketTypeId, quantity: 1, [member]: 1 }], customer: { email: 'a@example.com' } },
            { 'idempotency-key': randomUUID() },
          ),
          await api.post('/v1/api-keys', { name: 'x', scopes: ['orders:read'], [member]: 1 }),
        ];
        expect(replies.map(({ body }) => body.code)).toEqual(replies.map(() => 'validation-failed'));
      }),
  );

  it('bodies may not be huge, deep or reach a prototype', () =>
    unchanged(async () => {
      const { api } = running;
      const bookings = `/v1/events/${eventId}/bookings`;
      const items = Array.from({ length: 1_500 }, () => ({ ticketTypeId, quantity: 1 }));
      const bodies = [
        JSON.stringify({ items, customer: { email: 'a@example.com' } }),
        `{"items":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
        `{"metadata":{"__proto__":{"admin":"true"}}}`,
        `{"__proto__":{"items":[]},"constructor":{"prototype":{"admin":true}}}`,
        '[' + '0,'.repeat(45_000) + '0]',
        `{${Array.from({ length: 5_000 }, (_, index) => `"k${index}":1`).join()}}`,
      ];
      for (const body of bodies) {
        const { status } = await api.post(bookings, body, { 'idempotency-key': randomUUID() });
        expect([400, 413]).toContain(status);
      }
      expect(({} as { admin?: unknown }).admin).toBeUndefined();
      expect((await api.get('/health/live')).status).toBe(200);
    }));

  it.each([
    '/v1/../v1/api-keys',
    '/v1/%2e%2e/v1/api-keys',
    '//v1/api-keys',
    '/v1//api-keys',
    '/V1/api-keys',
    '/v1/api-keys/',
    '/v1/api-keys%00',
    '/v1/api-keys;x=1',
    '/v1/events/..%2fapi-keys',
    '/docs/../v1/api-keys',
    '/docs/..%2f..%2fpackage.json',
    '/docs/%2e%2e/%2e%2e/etc/passwd',
    '/openapi.json/../v1/api-keys',
    '/health/live/../../v1/api-keys',
    'http://localhost/v1/api-keys',
  ])('the path %s leads nowhere that one may not go', async (path) => {
    const reply = await rawRequest(running.url, `GET ${path}`, ['Authorization: Bearer hf_nobody']);
    expect([301, 400, 401, 404]).toContain(reply.status);
    expect(reply.text).not.toContain('hf_0');
    expect(reply.text).not.toContain('"name": "holdfast"');
  });

  it.each([
    ['X-HTTP-Method-Override: DELETE'],
    ['X-Method-Override: DELETE'],
    ['X-Original-URL: /v1/api-keys'],
    ['X-Rewrite-URL: /v1/api-keys'],
    ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Host: evil.example.com', 'X-Forwarded-Proto: https'],
  ])('%s changes nothing', (...lines) =>
    unchanged(async () => {
      const reply = await rawRequest(running.url, `GET /v1/orders/${orderId}`, lines);
      expect([reply.status, reply.body.id]).toEqual([200, orderId]);
      expect(JSON.stringify([...reply.headers])).not.toContain('evil');
    }),
  );

  describe('headers', () => {
    const json = ['Content-Type: application/json'];
    const body = () => JSON.stringify({ items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'a@example.com' } });

    it('two keys for one request: refused', () =>
      unchanged(async () => {
        const lines = [...json, 'Idempotency-Key: one', 'Idempotency-Key: two'];
        const reply = await rawRequest(running.url, `POST /v1/events/${eventId}/bookings`, lines, body());
        expect([reply.status, reply.body.code]).toEqual([400, 'idempotency-key-invalid']);
      }));

    it.each([
      ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} '],
      [
        'a length and chunks',
        'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/api-keys HTTP/1.1\r\n\r\n',
      ],
      ['chunks that are none', 'Transfer-Encoding: xchunked\r\n\r\n{}'],
      ['a chunk size that is none', 'Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n'],
      ['a folded header', 'X-Folded: a\r\n b\r\n\r\n'],
      ['a bare line feed', 'X-Bare: a\nX-Other: b\r\n\r\n'],
      ['a header name with a space', 'X Bad: a\r\n\r\n'],
    ])('%s: one answer, and no second request is smuggled in', (_, rest) =>
      unchanged(async () => {
        const head = `POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${ADMIN.key}\r\n${json[0]}\r\n`;
        const reply = await sendRaw(running.url, head + rest);
        expect(reply.status).toBe(400);
        expect(reply.text.split('HTTP/1.1 ')).toHaveLength(1);
      }),
    );

    it('what is repeated from the request cannot add headers', async () => {
      const id = await createEvent(running.api);
      const reply = await rawRequest(running.url, `GET /v1/events/${id}`, ['X-Request-Id: a%0d%0aSet-Cookie:%20a=b']);
      expect(reply.headers.get('set-cookie')).toBeNull();
      expect(reply.headers.get('x-request-id')).not.toContain('%0d');
      const bad = await rawRequest(running.url, 'GET /v1/nowhere%0d%0aSet-Cookie:%20a=b', []);
      expect(bad.headers.get('set-cookie')).toBeNull();
    });
  });

  it('a cursor of one list opens no other, and none that was changed is taken', () =>
    unchanged(async () => {
      const { api } = running;
      const place = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const cursors = [
        place(['2030-01-01T00:00:00.000Z', "x' or 1=1 --"]),
        place(['infinity', randomUUID()]),
        place([{ $ne: null }, randomUUID()]),
        place([['a'], ['b']]),
        place({ length: 2, 0: 'x', 1: 'y' }),
        place([1, 2, 3]),
        `${place(['2030-01-01T00:00:00.000Z', randomUUID()]).slice(0, -3)}!!!`,
      ];
      for (const path of ['/v1/events', '/v1/orders', '/v1/api-keys', `/v1/orders/${orderId}/history`]) {
        for (const cursor of cursors) expect((await api.get(`${path}?cursor=${cursor}`)).body.code).toBe('malformed-request');
      }
    }));

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("http://evil.example.com")'])(
    'a name such as %j is no formula in the export',
    async (name) => {
      const { api, url } = running;
      const event = await eventOnSale(api);
      const customer = { email: 'ada@example.com', name };
      const items = [{ ticketTypeId: event.ticketTypeId, quantity: 1 }];
      const reply = await api.post(
        `/v1/events/${event.eventId}/bookings`,
        { items, customer },
        { 'idempotency-key': randomUUID() },
      );
      expect(reply.status).toBe(201);
      const response = await fetch(`${url}/v1/events/${event.eventId}/orders.csv`, { headers: api.authorization });
      const csv = await response.text();
      const [, line] = csv.split('\r\n');
      expect(line).toContain(`'${name.replaceAll('"', '""')}`);
    },
  );
});
