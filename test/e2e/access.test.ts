import { randomUUID } from 'node:crypto';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { startApp, type TestApp } from '../support/app.js';
import { ADMIN, insertApiKey } from '../support/api-keys.js';
import { countByStatus } from '../support/client.js';
import { createEvent, createTicketType, eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { rawRequest } from '../support/raw.js';
import { historyOf } from '../support/reads.js';
import { streamPath } from '../support/listener.js';

describe('access', () => {
  let running: TestApp;
  let other: TestApp;
  let provider: IdentityProvider;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
    running = await startApp(provider.environment);
    other = await startApp(provider.environment, running.database);
  });
  afterAll(async () => {
    await other.close();
    await running.close();
    await provider.stop();
  });

  const customer = async (sub: string) => running.api.as(await provider.token({ sub }));

  describe('API keys', () => {
    const make = (body: object = {}, headers = {}) =>
      running.api.post('/v1/api-keys', { name: 'Web shop', scopes: ['bookings:write'], ...body }, headers);

    it('are shown once, and work at once', async () => {
      const { status, body, headers } = await make();
      expect([status, headers.get('location')]).toEqual([201, `/v1/api-keys/${body.id}`]);
      expect(body.key).toMatch(new RegExp(`^${body.prefix}_[0-9a-f]{64}$`));
      const { key, ...shown } = body;
      expect((await running.api.get(`/v1/api-keys/${body.id}`)).body).toEqual(shown);
      const { eventId, ticketTypeId } = await eventOnSale(running.api);
      const booked = await running.api.as(key).book(eventId, { [ticketTypeId]: 1 });
      expect(booked.status).toBe(201);
      expect((await historyOf(running.api, booked.body.id))[0]!.actor).toBe(`key:${body.id}`);
      const stored = await running.database.sql('select to_jsonb(k) as row from api_keys k where id = $1', [body.id]);
      expect(JSON.stringify(stored)).not.toContain(key.split('_')[2]);
    });

    it('are remembered without the secret, for a repeat', async () => {
      const key = randomUUID();
      const [first, again] = [await make({}, { 'idempotency-key': key }), await make({}, { 'idempotency-key': key })];
      expect(again.status).toBe(201);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(again.headers.get('location')).toBe(first.headers.get('location'));
      expect(again.body).toEqual({ ...first.body, key: null });
      const remembered = await running.database.sql('select body from idempotency_keys where key = $1', [key]);
      expect(JSON.stringify(remembered)).not.toContain(first.body.key.split('_')[2]);
    });

    it('stop working at once when they are revoked, on another instance too; again: the same', async () => {
      const { body } = await make({ scopes: ['orders:read'] });
      const elsewhere = other.api.as(body.key);
      expect((await elsewhere.get('/v1/orders')).status).toBe(200);
      expect((await running.api.send('DELETE', `/v1/api-keys/${body.id}`)).status).toBe(204);
      expect((await elsewhere.get('/v1/orders')).status).toBe(401);
      expect((await running.api.send('DELETE', `/v1/api-keys/${body.id}`)).status).toBe(204);
      expect((await running.api.get(`/v1/api-keys/${body.id}`)).body.revokedAt).toEqual(expect.any(String));
    });

    it('none let in once it is revoked, however many ask at that moment', async () => {
      const { body } = await make({ scopes: ['orders:read'] });
      const shop = running.api.as(body.key);
      const early = Array.from({ length: 100 }, () => shop.get('/v1/orders'));
      expect((await other.api.send('DELETE', `/v1/api-keys/${body.id}`)).status).toBe(204);
      const late = await Promise.all(Array.from({ length: 100 }, () => shop.get('/v1/orders')));
      expect(countByStatus(late)).toEqual({ 401: 100 });
      await Promise.all(early);
    });

    it('tell when they were used last', async () => {
      const { body } = await make({ scopes: ['orders:read'] });
      expect(body.lastUsedAt).toBeNull();
      await running.api.as(body.key).get('/v1/orders');
      const used = await eventually(
        'the use is noted',
        async () => (await running.api.get(`/v1/api-keys/${body.id}`)).body.lastUsedAt as string | null,
      );
      await running.api.as(body.key).get('/v1/orders');
      expect((await running.api.get(`/v1/api-keys/${body.id}`)).body.lastUsedAt).toBe(used);
    });

    it('are listed newest first, a page at a time', async () => {
      const names = ['a', 'b', 'c'];
      for (const name of names) await make({ name });
      const first = await running.api.get('/v1/api-keys?limit=2');
      const next = await running.api.get(`/v1/api-keys?limit=1&cursor=${first.body.nextCursor}`);
      expect([...first.body.items, ...next.body.items].map(({ name }) => name)).toEqual(['c', 'b', 'a']);
      expect(JSON.stringify(first.body)).not.toMatch(/hf_\w+_\w/);
    });

    it.each([
      ['no scope', { scopes: [] }],
      ['an unknown scope', { scopes: ['root'] }],
      ['a scope twice', { scopes: ['admin', 'admin'] }],
      ['scopes that are no list', { scopes: 'admin' }],
      ['no name', { name: ' ' }],
      ['an end in the past', { expiresAt: '2020-01-01T00:00:00Z' }],
      ['an id of its own', { id: randomUUID() }],
      ['a key of its own', { key: 'hf_x' }],
    ])('with %s are refused', async (_, body) => {
      const before = await running.database.sql('select id from api_keys');
      expect((await make(body)).body.code).toBe('validation-failed');
      expect(await running.database.sql('select id from api_keys')).toEqual(before);
    });

    it.each([
      ['another scheme', ['Authorization: Basic YTpi'], 401],
      ['nothing behind the scheme', ['Authorization: Bearer'], 401],
      ['two of them', [`Authorization: Bearer ${ADMIN.key}`, `Authorization: Bearer ${ADMIN.key}`], 401],
      ['small letters and spaces', [`authorization:  bearer  ${ADMIN.key} `], 200],
    ])('sent with %s', async (_, lines, status) => {
      expect((await rawRequest(running.url, 'GET /v1/orders', lines)).status).toBe(status);
    });
  });

  describe('tokens of the identity provider', () => {
    it.each(['RS256', 'PS256', 'ES256', 'EdDSA'])(
      'signed with %s are good, also within the 30 seconds of clock skew',
      async (alg) => {
        const own = await IdentityProvider.start();
        await own.rotate(alg);
        const app = await startApp(own.environment, running.database);
        const now = Math.floor(Date.now() / 1000);
        const tokens = [await own.token({ sub: 'ada' }), await own.token({ sub: 'ada', exp: now - 10, nbf: now + 10 })];
        for (const token of tokens) expect((await app.api.as(token).get('/v1/orders')).status).toBe(200);
        expect(own.asked).toBe(1);
        await app.close();
        await own.stop();
      },
    );

    it('give the scopes of `scope` and `scp`, whatever else is in them', async () => {
      const good = [{ scope: 'openid orders:read email' }, { scp: ['orders:read'] }, { scp: 'orders:read profile' }];
      const bad = [{}, { scope: 'orders:readx' }, { scope: ['events:write'] }, { scp: { 0: 'orders:read' } }, { scope: 5 }];
      const path = `/v1/events/${(await eventOnSale(running.api)).eventId}/orders.csv`;
      const ask = async (claims: object) => {
        const token = await provider.token({ sub: 'staff', ...claims });
        return (await fetch(running.url + path, { headers: { authorization: `Bearer ${token}` } })).status;
      };
      expect(await Promise.all([...good, ...bad].map(ask))).toEqual([...good.map(() => 200), ...bad.map(() => 403)]);
    });

    it('a storm of tokens of unknown keys does not become one of questions to the provider', async () => {
      const before = provider.asked;
      const stranger = await IdentityProvider.start();
      const token = await stranger.token({ sub: 'ada' });
      const replies = await Promise.all(Array.from({ length: 100 }, () => running.api.as(token).get('/v1/orders')));
      expect(countByStatus(replies)).toEqual({ 401: 100 });
      expect(provider.asked - before).toBeLessThanOrEqual(1);
      await stranger.stop();
    });

    it('of a provider that is down: 503 with Retry-After, for keys nothing, and all is well once it is back', async () => {
      const own = await IdentityProvider.start();
      own.failing = true;
      const app = await startApp(own.environment, running.database);
      const ada = app.api.as(await own.token({ sub: 'ada' }));
      const reply = await ada.get('/v1/orders');
      expect([reply.status, reply.body.code]).toEqual([503, 'identity-provider-unavailable']);
      expect(reply.headers.get('retry-after')).toBe('5');
      // It is left alone for that long, and nobody waits for it.
      const replies = await Promise.all(Array.from({ length: 50 }, () => ada.get('/v1/orders')));
      expect([countByStatus(replies), own.asked]).toEqual([{ 503: 50 }, 1]);
      expect((await app.api.get('/v1/orders')).status).toBe(200);
      own.failing = false;
      await eventually('tokens are good again', async () => (await ada.get('/v1/orders')).status === 200);
      await app.close();
      await own.stop();
    });

    it('are not good where no provider is configured', async () => {
      const app = await startApp({}, running.database);
      expect((await app.api.as(await provider.token({ sub: 'ada' })).get('/v1/orders')).status).toBe(401);
      await app.close();
    });
  });

  describe('customers', () => {
    it('own what they book for themselves; staff book for others', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(running.api);
      const ada = await customer('ada');
      const own = await ada.book(eventId, { [ticketTypeId]: 1 });
      const staff = running.api.as(await provider.token({ sub: 'ada', scope: 'bookings:write' }));
      await staff.book(eventId, { [ticketTypeId]: 1 });
      expect((await ada.get(`/v1/orders?eventId=${eventId}`)).body.items).toEqual([own.body]);
      expect((await historyOf(ada, own.body.id)).map(({ actor }) => actor)).toEqual(['user:ada']);
    });

    it('are counted by who they are, whatever addresses they give, and nobody else pays for it', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(running.api, [100], { maxTicketsPerCustomer: 2 });
      const ada = await customer('ada');
      const book = (api = ada, email = `${randomUUID()}@example.com`) => api.book(eventId, { [ticketTypeId]: 1 }, { email });
      const replies = await Promise.all(Array.from({ length: 10 }, () => book()));
      expect(countByStatus(replies)).toEqual({ 201: 2, 409: 8 });
      // Another customer, and a box office, with an address that Ada gave.
      const email = replies.find(({ status }) => status === 201)!.body.customer.email;
      expect((await book(await customer('grace'), email)).status).toBe(201);
      for (const status of [201, 201, 409]) expect((await book(running.api, email)).status).toBe(status);
      expect(await running.database.brokenInvariants()).toEqual([]);
    });

    it('and keys belong to the caller: two may use the same one', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(running.api);
      const callers = [running.api, await customer('ada'), await customer('grace')];
      const book = () => Promise.all(callers.map((api) => api.book(eventId, { [ticketTypeId]: 1 }, { key: 'the-same' })));
      const [first, again] = [await book(), await book()];
      expect(new Set(first.map(({ body }) => body.id)).size).toBe(3);
      expect(again.map(({ body }) => body)).toEqual(first.map(({ body }) => body));
    });
  });

  describe('drafts', () => {
    it('are seen by those who may write them, and by nobody else', async () => {
      const eventId = await createEvent(running.api);
      const ticketTypeId = await createTicketType(running.api, eventId);
      const { key } = await insertApiKey(running.database, ['orders:read', 'bookings:write']);
      const path = `/v1/events/${eventId}`;
      const paths = [path, `${path}/ticket-types`, `${path}/ticket-types/${ticketTypeId}`, `${path}/availability`];
      for (const api of [running.api.as(null), running.api.as(key), await customer('ada')]) {
        for (const one of [...paths, streamPath(eventId)]) expect((await api.get(one)).body.code).toBe('event-not-found');
        const { items } = (await api.get('/v1/events?limit=200')).body;
        expect(items.filter(({ status }: { status: string }) => status === 'draft')).toEqual([]);
        expect((await api.get('/v1/events?status=draft')).body.items).toEqual([]);
      }
      for (const one of paths) expect((await running.api.get(one)).status).toBe(200);
      await running.api.post(`${path}/publish`);
      for (const one of paths) expect((await running.api.as(null).get(one)).status).toBe(200);
      await running.api.post(`${path}/cancel`);
      expect((await running.api.as(null).get(path)).body.status).toBe('cancelled');
    });

    it('that were cancelled stay unknown', async () => {
      const eventId = await createEvent(running.api);
      await running.api.post(`/v1/events/${eventId}/cancel`);
      expect((await running.api.as(null).get(`/v1/events/${eventId}`)).status).toBe(404);
    });

    it('and caches are told that the answer depends on who asks', async () => {
      const { headers } = await running.api.get('/v1/events');
      expect(headers.get('vary')).toContain('Authorization');
    });
  });

  it('a handler that declares nothing is closed', async () => {
    @Controller('forgotten')
    class ForgottenController {
      @Get()
      get() {
        return 'secret';
      }
    }
    @Module({ controllers: [ForgottenController] })
    class ForgottenModule {}
    const { AccessGuard } = await import('../../src/platform/auth/access.guard.js');
    const app: INestApplication = await NestFactory.create(ForgottenModule, { logger: false });
    app.useGlobalGuards(running.app.get(AccessGuard, { strict: false }));
    await app.listen(0, '127.0.0.1');
    const response = await fetch(`${await app.getUrl()}/forgotten`);
    expect(await response.text()).not.toContain('secret');
    expect(response.ok).toBe(false);
    await app.close();
  });
});
