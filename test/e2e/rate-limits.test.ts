import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { PurgeRateLimitsJob } from '../../src/platform/rate-limits/purge-rate-limits.job.js';
import { PostgresCounter } from '../../src/platform/rate-limits/postgres-counter.js';
import { RateLimitStorage } from '../../src/platform/rate-limits/rate-limit.storage.js';
import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { problemOf } from '../support/problems.js';

const LIMITED = { status: 429, code: 'rate-limited' };

describe('rate limits', () => {
  const apps: TestApp[] = [];
  let provider: IdentityProvider;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
  });
  afterEach(async () => {
    for (const app of apps.splice(0).toReversed()) await app.close();
  });
  afterAll(() => provider.stop());

  async function start(variables: Record<string, string>, given?: TestApp): Promise<TestApp> {
    const app = await startApp({ ...provider.environment, ...variables }, given?.database);
    apps.push(app);
    return app;
  }

  const statuses = async (count: number, ask: () => Promise<{ status: number }>) => {
    const seen: number[] = [];
    for (let index = 0; index < count; index++) seen.push((await ask()).status);
    return seen;
  };

  it('say where the caller stands, and refuse it beyond the limit until the window ends', async () => {
    const { api } = await start({ RATE_LIMIT_API_KEY_PER_MINUTE: '3', RATE_LIMIT_ADDRESS_PER_MINUTE: '100' });
    const { headers } = await api.get('/v1/events');
    expect(headers.get('ratelimit-policy')).toBe('"address";q=100;w=60, "caller";q=3;w=60');
    expect(headers.get('ratelimit')).toMatch(/^"address";r=99;t=\d+, "caller";r=2;t=\d+$/);
    expect(await statuses(2, () => api.get('/v1/events'))).toEqual([200, 200]);
    const refused = await api.get('/v1/events');
    expect(problemOf(refused)).toEqual(LIMITED);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(refused.headers.get('ratelimit')).toMatch(/"caller";r=0;t=\d+$/);
  });

  it('nothing is booked beyond them, and the key stays free', async () => {
    const { api, database } = await start({ RATE_LIMIT_CUSTOMER_PER_MINUTE: '2' });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const ada = api.as(await provider.token({ sub: 'ada' }));
    const replies = await Promise.all(Array.from({ length: 10 }, () => ada.book(eventId, { [ticketTypeId]: 1 })));
    expect(countByStatus(replies)).toEqual({ 201: 2, 429: 8 });
    expect(await database.sql('select id from orders')).toHaveLength(2);
    expect(await database.sql('select key from idempotency_keys where event_id = $1 and status = 201', [eventId])).toHaveLength(
      2,
    );
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('are of each caller alone', async () => {
    const { api } = await start({ RATE_LIMIT_CUSTOMER_PER_MINUTE: '1' });
    for (const sub of ['ada', 'grace', 'edsger']) {
      const customer = api.as(await provider.token({ sub }));
      expect(await statuses(2, () => customer.get('/v1/orders'))).toEqual([200, 429]);
    }
    expect(await statuses(3, () => api.get('/v1/orders'))).toEqual([200, 200, 200]);
  });

  it('of an address count everything but health checks, also what is nowhere and what cannot be read', async () => {
    const { api } = await start({ RATE_LIMIT_ADDRESS_PER_MINUTE: '4' });
    const asks = [
      () => api.get('/v1/events'),
      () => api.get('/nowhere'),
      () => api.post('/v1/events', '{'),
      () => api.get('/docs/'),
    ];
    for (const ask of asks) expect((await ask().catch(() => ({ status: 200 }))).status).not.toBe(429);
    for (const ask of asks) expect(problemOf(await ask())).toEqual(LIMITED);
    expect(await statuses(5, () => api.get('/health/live'))).toEqual([200, 200, 200, 200, 200]);
  });

  it('of refused credentials are tighter: after them none of that address is looked at, good or bad', async () => {
    const { api } = await start({ RATE_LIMIT_FAILED_AUTH_PER_MINUTE: '3' });
    const stranger = api.as('hf_nonsense');
    expect(await statuses(4, () => stranger.get('/v1/orders'))).toEqual([401, 401, 401, 429]);
    expect(problemOf(await api.get('/v1/orders'))).toEqual(LIMITED);
    // Nobody's credentials, so nothing was refused.
    expect((await api.as(null).get('/v1/events')).status).toBe(200);
  });

  it('of refused credentials hold for health checks: after them nobody is recognised there', async () => {
    const { api } = await start({ RATE_LIMIT_FAILED_AUTH_PER_MINUTE: '3' });
    const health = async (token: string | null) => (await api.as(token).get('/health/ready')).body;
    expect(await health(api.token)).toHaveProperty('checks');
    for (let count = 0; count < 3; count++) expect(await health('wrong')).not.toHaveProperty('checks');
    expect(await health(api.token)).not.toHaveProperty('checks');
  });

  it('of refused credentials count those, too, whose client is gone before they are refused', async () => {
    const { app, api, url, database } = await start({ RATE_LIMIT_FAILED_AUTH_PER_MINUTE: '3' });
    const unknown = `hf_${'0'.repeat(16)}_${'0'.repeat(64)}`;
    const arrived: IncomingMessage[] = [];
    app.getHttpServer().on('request', (request: IncomingMessage) => arrived.push(request));
    const holder = await database.connect();
    await holder.query('begin');
    await holder.query('lock table api_keys');
    const sockets = Array.from({ length: 3 }, () => connect(Number(new URL(url).port), '127.0.0.1'));
    for (const socket of sockets) socket.write(`GET /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${unknown}\r\n\r\n`);
    await eventually('the requests', () => Promise.resolve(arrived.length === 3));
    for (const socket of sockets) socket.resetAndDestroy();
    await eventually('their end', () => Promise.resolve(arrived.every(({ socket }) => socket.destroyed)));
    await holder.query('commit');
    await holder.end();
    const limited = await eventually('a refusal', async () => {
      const reply = await api.get('/v1/orders');
      return reply.status === 429 && reply;
    });
    expect(problemOf(limited)).toEqual(LIMITED);
    expect(limited.headers.get('ratelimit')).toMatch(/"failed-authentication";r=0;t=\d+$/);
    expect(limited.headers.get('ratelimit-policy')).toMatch(/"failed-authentication";q=3;w=60$/);
  });

  it('can be switched off one by one', async () => {
    const off = ['API_KEY', 'CUSTOMER', 'ADDRESS', 'FAILED_AUTH'].map((name) => [`RATE_LIMIT_${name}_PER_MINUTE`, '0']);
    const { api } = await start(Object.fromEntries(off));
    const { status, headers } = await api.get('/v1/events');
    expect([status, headers.get('ratelimit')]).toEqual([200, null]);
  });

  it('in the database are shared by all instances; while it is away, each counts for itself', async () => {
    const variables = { RATE_LIMIT_API_KEY_PER_MINUTE: '10', RATE_LIMIT_STORE: 'postgres' };
    const one = await start(variables);
    const two = await start(variables, one);
    for (const { app } of [one, two])
      (app.get(RateLimitStorage, { strict: false })['counter'] as PostgresCounter).answerTimeoutMs = 60_000;
    const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 ? one : two).api.get('/v1/orders')));
    expect(countByStatus(replies)).toEqual({ 200: 10, 429: 10 });
    await one.database.sql('alter table rate_limits rename to away');
    expect((await one.api.get('/v1/orders')).status).toBe(200);
  });

  it('in the database are forgotten an hour after their window', async () => {
    const { app, database } = await start({ RATE_LIMIT_STORE: 'postgres' });
    const now = Date.now();
    await database.sql('insert into rate_limits (key, points, expire) values ($1, 1, $2), ($3, 1, $4)', [
      ...['old', now - 3_700_000],
      ...['new', now],
    ]);
    await app.get(PurgeRateLimitsJob).runOnce();
    expect(await database.sql(`select key from rate_limits where key in ('old', 'new')`)).toEqual([{ key: 'new' }]);
  });

  it('believe X-Forwarded-For only of proxies that are trusted', async () => {
    const limits = { RATE_LIMIT_ADDRESS_PER_MINUTE: '1' };
    const ask = (app: TestApp, address: string) => app.api.get('/v1/events', { 'x-forwarded-for': address });
    const direct = await start(limits);
    expect(await statuses(2, () => ask(direct, `10.0.0.${Math.random()}`))).toEqual([200, 429]);
    for (const TRUST_PROXY of ['1', 'loopback', '127.0.0.0/8, 10.0.0.0/8']) {
      const behind = await start({ ...limits, TRUST_PROXY });
      expect((await ask(behind, '203.0.113.1')).status).toBe(200);
      expect((await ask(behind, '203.0.113.2')).status).toBe(200);
      // What the client itself wrote stands before what the proxy added.
      expect((await ask(behind, '198.51.100.7, 203.0.113.2')).status).toBe(429);
    }
  });
});
