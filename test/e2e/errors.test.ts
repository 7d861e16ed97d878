import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Logger } from '@nestjs/common';
import { EventsService } from '../../src/modules/events/events.service.js';
import { requestContext } from '../../src/platform/observability/request-context.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient, Reply } from '../support/client.js';
import { ADMIN } from '../support/api-keys.js';
import { createEvent, eventBody, eventOnSale } from '../support/factories.js';
import { problemOf } from '../support/problems.js';
import { rawRequest, sendRaw } from '../support/raw.js';

const MALFORMED = { status: 400, code: 'malformed-request' };
const NOT_JSON = { status: 415, code: 'unsupported-media-type' };
const NEW_ID = expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
const JSON_TYPE = { 'content-type': 'application/json' };

describe('errors are problem+json', () => {
  let running: TestApp;
  let api: ApiClient;

  const countEvents = async (): Promise<number> =>
    Number((await running.database.sql<{ count: string }>('select count(*) from events'))[0]!.count);

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  it('with type, title, status, detail, instance, code and requestId, and nothing else', async () => {
    const { headers, body } = await api.get('/v1/events/not-a-uuid?secret=1');
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(body).toEqual({
      type: '/problems/malformed-request',
      title: 'The request cannot be read',
      status: 400,
      detail: 'The path parameter eventId is not a UUID.',
      instance: '/v1/events/not-a-uuid',
      code: 'malformed-request',
      requestId: headers.get('x-request-id'),
    });
  });

  describe('addresses and methods', () => {
    it.each(['/', '/v1', '/v2/events', '/v1/nothing', '/events', '/v1/events/1/2/3', '/health', '/v1/orders/1/confirmed'])(
      '%s: route-not-found',
      async (path) => {
        expect(problemOf(await api.get(path))).toEqual({ status: 404, code: 'route-not-found' });
        expect(problemOf(await api.post(path, {}))).toEqual({ status: 404, code: 'route-not-found' });
      },
    );

    it.each([
      ['PUT', '/v1/events', 'GET, HEAD, POST'],
      ['DELETE', '/v1/events/019a0000-0000-7000-8000-000000000001', 'GET, HEAD, PATCH'],
      ['GET', '/v1/events/x/publish', 'POST'],
      ['GET', '/v1/events/x/bookings', 'POST'],
      ['PUT', '/v1/events/x/ticket-types/y', 'DELETE, GET, HEAD, PATCH'],
      ['POST', '/v1/orders', 'GET, HEAD'],
      ['PATCH', '/v1/orders/x', 'GET, HEAD'],
      ['POST', '/health/live', 'GET, HEAD'],
    ])('%s %s: 405 with Allow: %s', async (method, path, allowed) => {
      const reply = await api.send(method, path);
      expect(problemOf(reply)).toEqual({ status: 405, code: 'method-not-allowed' });
      expect(reply.headers.get('allow')).toBe(allowed);
    });

    it.each(['/v1/events/%E0%A4%A', '/v1/events/%', '/v1/orders/%ff/history'])('broken encoding, %s: 400', async (path) => {
      expect(problemOf(await rawRequest(running.url, `GET ${path}`, []))).toEqual(MALFORMED);
      expect(problemOf(await rawRequest(running.url, `PUT ${path}`, []))).toEqual(MALFORMED);
    });
  });

  describe('bodies', () => {
    it.each(['{', '{"name":}', 'null', '"text"', '42', '{"a":1}{"b":2}', "{'name':'x'}", '{"name":"\u0001"}', '\uFEFF{]', 'NaN'])(
      'bad JSON, %j: malformed-request',
      async (body) => {
        expect(problemOf(await api.post('/v1/events', body))).toEqual(MALFORMED);
      },
    );

    it('of 100 000 bytes passes, of one more is too large', async () => {
      const body = JSON.stringify(eventBody()).padEnd(100_000, ' ');
      expect((await api.post('/v1/events', body)).status).toBe(201);
      const before = await countEvents();
      const tooLarge = { status: 413, code: 'payload-too-large' };
      expect(problemOf(await api.post('/v1/events', `${body} `))).toEqual(tooLarge);
      expect(problemOf(await api.post('/v1/events', 'x'.repeat(5_000_000)))).toEqual(tooLarge);
      const bomb = gzipSync(`${body} `);
      const bombed = await fetch(`${running.url}/v1/events`, {
        method: 'POST',
        headers: { ...JSON_TYPE, ...api.authorization, 'content-encoding': 'gzip' },
        body: bomb,
      });
      expect(problemOf({ status: bombed.status, headers: bombed.headers, body: await bombed.json() })).toEqual(tooLarge);
      expect(await countEvents()).toBe(before);
    });

    it.each([
      ['text/plain', '{}'],
      ['application/x-www-form-urlencoded', 'name=x'],
      ['multipart/form-data; boundary=x', '--x--'],
      ['application/xml', '<a/>'],
      ['application/jsonp', '{}'],
      ['application/json; charset=iso-8859-1', '{}'],
      ['application/json; charset=utf-16', '{}'],
      ['text/json', '{}'],
    ])('as %s: unsupported-media-type', async (type, body) => {
      expect(problemOf(await api.post('/v1/events', body, { 'content-type': type }))).toEqual(NOT_JSON);
      expect(problemOf(await api.patch('/v1/events', body, { 'content-type': type }))).toEqual(NOT_JSON);
    });

    it('without any content type: unsupported-media-type', async () => {
      expect(problemOf(await rawRequest(running.url, 'POST /v1/events', [], JSON.stringify(eventBody())))).toEqual(NOT_JSON);
      const chunked =
        'POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n';
      expect(problemOf(await sendRaw(running.url, chunked))).toEqual(NOT_JSON);
    });

    it.each(['application/json', 'application/json;charset=UTF-8', 'Application/JSON ; charset="utf-8"', 'application/ld+json'])(
      'as %s is read',
      async (type) => {
        expect((await api.post('/v1/events', JSON.stringify(eventBody()), { 'content-type': type })).status).toBe(201);
      },
    );

    it('that is not UTF-8 is malformed', async () => {
      const body = Buffer.from(JSON.stringify(eventBody({ name: 'Jürgen' })), 'latin1');
      const headers = { ...running.api.authorization, 'content-type': 'application/json', 'idempotency-key': randomUUID() };
      const response = await fetch(`${running.url}/v1/events`, { method: 'POST', headers, body });
      expect([response.status, await response.json()]).toMatchObject([400, { code: 'malformed-request' }]);
    });

    it('in an encoding that is unknown or broken: a problem', async () => {
      const send = (encoding: string) => api.post('/v1/events', '{}', { 'content-encoding': encoding });
      expect(problemOf(await send('zstandard'))).toEqual(NOT_JSON);
      expect(problemOf(await send('gzip'))).toEqual(MALFORMED);
    });
  });

  describe('the request id', () => {
    it.each(['abc', 'A-1_2.3:4', 'x'.repeat(128)])('%s is echoed, on successes and errors', async (id) => {
      const header = { 'x-request-id': id };
      for (const path of ['/health/live', '/v1/events', '/v1/nothing', '/v1/events/x']) {
        const reply = await api.get(path, header);
        expect(reply.headers.get('x-request-id')).toBe(id);
        expect(reply.body.requestId).toBe(reply.status === 200 ? undefined : id);
      }
    });

    it.each([
      [['X-Request-Id:']],
      [['X-Request-Id: a b']],
      [[`X-Request-Id: ${'x'.repeat(129)}`]],
      [['X-Request-Id: é']],
      [[`X-Request-Id: ${ADMIN.key}`]],
    ])('%j is replaced', async (lines) => {
      expect((await rawRequest(running.url, 'GET /health/live', lines)).headers.get('x-request-id')).toEqual(NEW_ID);
    });

    it('is another one each time when none is sent, or two', async () => {
      const two = ['X-Request-Id: a', 'X-Request-Id: b'];
      const ids = [[], [], two].map(async (lines) =>
        (await rawRequest(running.url, 'GET /v1/nothing', lines)).headers.get('x-request-id'),
      );
      expect(await Promise.all(ids)).toEqual([NEW_ID, NEW_ID, NEW_ID]);
      expect(new Set(await Promise.all(ids)).size).toBe(3);
    });
  });

  describe('an unexpected exception', () => {
    const logged: string[] = [];

    beforeAll(() => {
      const note = (...parts: unknown[]) =>
        logged.push([`[${requestContext.getStore()?.requestId}]`, ...parts.map(String)].join(' '));
      Logger.overrideLogger({ log: () => {}, error: note, warn: note });
    });
    afterAll(() => Logger.overrideLogger(false));

    const failing = async (error: unknown): Promise<Reply> => {
      const service = running.app.get(EventsService, { strict: false });
      service.get = async () => {
        throw error;
      };
      try {
        return await api.get('/v1/events/019a0000-0000-7000-8000-000000000001', { 'x-request-id': 'report-me' });
      } finally {
        delete (service as { get?: unknown }).get;
      }
    };

    it.each([
      ['an error', new Error('password=hunter2 in select * from secrets'), 'errors.test.ts'],
      ['an error with an HTTP status', Object.assign(new Error('hunter2'), { status: 503, statusCode: 503 }), 'errors.test.ts'],
      ['an error with a 4xx status', Object.assign(new Error('hunter2'), { status: 418, expose: true }), 'errors.test.ts'],
      ['text', 'hunter2', 'hunter2'],
      ['nothing', undefined, 'undefined'],
      ['an object', { message: 'hunter2', statusCode: 400 }, 'hunter2'],
    ])('%s: 500 without internals, logged with the request id and what it was', async (_, error, trace) => {
      logged.length = 0;
      const reply = await failing(error);
      expect(problemOf(reply)).toEqual({ status: 500, code: 'internal-error' });
      expect(JSON.stringify(reply.body)).not.toMatch(/hunter2|select|\.[jt]s\b|node_modules/);
      expect(logged).toHaveLength(1);
      expect(logged[0]).toContain('[report-me] GET /v1/events/');
      expect(logged[0]).toContain(trace);
    });

    it('in the database: 500 without SQL, logged, and nothing changed', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
      await running.database.sql('alter table order_history rename to moved');
      logged.length = 0;
      const reply = await api.book(eventId, { [ticketTypeId]: 1 });
      await running.database.sql('alter table moved rename to order_history');
      expect(problemOf(reply)).toEqual({ status: 500, code: 'internal-error' });
      expect(JSON.stringify(reply.body)).not.toMatch(/order_history|insert|relation/i);
      expect(logged.join('\n')).toContain('order_history');
      expect((await api.book(eventId, { [ticketTypeId]: 5 })).body.sequence).toBe(1);
      expect(await running.database.brokenInvariants()).toEqual([]);
    });
  });

  it('nothing but single resources and the availability carries an ETag', async () => {
    const id = await createEvent(api);
    const paths = ['/v1/events', '/v1/orders', `/v1/events/${id}/ticket-types`, '/v1/nothing', '/v1/events/x'];
    for (const path of [...paths, '/health/live', '/openapi.json']) {
      expect([path, (await api.get(path)).headers.get('etag')]).toEqual([path, null]);
    }
    expect((await api.get(`/v1/events/${id}`)).headers.get('etag')).toBe('"1"');
  });

  describe('what is not HTTP', () => {
    it.each([
      ['garbage', '\u0000\u0001\u0002 hello\r\n\r\n'],
      ['an unknown method', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['a length that is no number', 'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n'],
      ['two lengths', 'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'],
      ['a length and chunks', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      ['a header without a name', 'GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n'],
      ['two Hosts', 'GET /v1/events HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n'],
      ['no Host', 'GET /v1/events HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ])('%s: 400', async (_, bytes) => {
      expect(problemOf(await sendRaw(running.url, bytes))).toEqual(MALFORMED);
    });

    it('an expectation that is not known is ignored', async () => {
      expect((await rawRequest(running.url, 'GET /health/live', ['Expect: tea'])).status).toBe(200);
    });

    it('headers that are too large: 431', async () => {
      const reply = await rawRequest(running.url, 'GET /v1/events', [`X-Large: ${'x'.repeat(20_000)}`]);
      expect(problemOf(reply).status).toBe(431);
    });
  });
});
