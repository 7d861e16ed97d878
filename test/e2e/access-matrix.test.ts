import type { OpenAPIObject } from '@nestjs/swagger';
import { SCOPES } from '../../src/platform/auth/scopes.js';
import { startApp, type TestApp } from '../support/app.js';
import { insertApiKey } from '../support/api-keys.js';
import { checksums } from '../support/checksums.js';
import type { ApiClient } from '../support/client.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { type Fixture, fixture, OF_CUSTOMERS, request, type Route, routesOf } from '../support/routes.js';

const HOUR_MS = 3_600_000;

describe('who may do what', () => {
  let running: TestApp;
  let provider: IdentityProvider;
  let routes: Route[];
  let ada: ApiClient;
  let graces: Fixture;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
    // It has more refusals than the limit of a minute.
    running = await startApp({ ...provider.environment, RATE_LIMIT_FAILED_AUTH_PER_MINUTE: '1000000' });
    const document = (await running.api.get<OpenAPIObject>('/openapi.json')).body;
    routes = routesOf(document);
    ada = running.api.as(await provider.token({ sub: 'ada' }));
    const grace = running.api.as(await provider.token({ sub: 'grace' }));
    graces = await fixture(running.database, running.api, grace);
  });
  afterAll(async () => {
    await running.close();
    await provider.stop();
  });

  /** What every route answers to this token, where it is not what is expected; and that no row changed. */
  async function refusals(token: string | null, expected: (route: Route) => number | null): Promise<string[]> {
    const before = await checksums(running.database);
    const surprises: string[] = [];
    for (const route of routes) {
      const wanted = expected(route);
      if (wanted === null) continue;
      const { status, body, headers } = await request(running.url, route, graces, token);
      if (status !== wanted) surprises.push(`${route.id}: ${status} ${JSON.stringify(body)}`);
      if (status === 401 && !headers.get('www-authenticate')?.startsWith('Bearer')) surprises.push(`${route.id}: how?`);
    }
    if (JSON.stringify(await checksums(running.database)) !== JSON.stringify(before)) surprises.push('a row changed');
    return surprises;
  }

  it('every route says who may call it', () => {
    expect(routes.length).toBeGreaterThan(25);
    expect(routes.filter(({ takesToken }) => !takesToken).map(({ id }) => id)).toEqual(['getLiveness', 'getReadiness']);
  });

  it('nobody: what is public, and nothing else', async () => {
    expect(await refusals(null, ({ scope }) => (scope === null ? 200 : 401))).toEqual([]);
  });

  it.each([
    ['a key that there is not', () => Promise.resolve(`hf_${'0'.repeat(16)}_${'0'.repeat(64)}`)],
    ['a wrong secret', () => Promise.resolve(`${running.api.token!.slice(0, -1)}0`)],
    ['what looks like a key', () => Promise.resolve('hf_x')],
    ['a revoked key', async () => (await insertApiKey(running.database, ['admin'], { revokedAt: new Date() })).key],
    [
      'an expired key',
      async () => (await insertApiKey(running.database, ['admin'], { expiresAt: new Date(Date.now() - HOUR_MS / 2) })).key,
    ],
  ])('%s: 401 everywhere but where no token is looked at', async (_, token) => {
    expect(await refusals(await token(), ({ takesToken }) => (takesToken ? 401 : 200))).toEqual([]);
  });

  it('tokens of the identity provider that are not good: 401', async () => {
    const found: Record<string, string[]> = {};
    const tokens = await provider.badTokens('grace');
    for (const [why, token] of Object.entries(tokens)) {
      found[why] = await refusals(token, ({ takesToken }) => (takesToken ? 401 : 200));
    }
    expect(found).toEqual(Object.fromEntries(Object.keys(tokens).map((why) => [why, []])));
  });

  it('a key with all other scopes: 403, and the missing one is named', async () => {
    const found: string[] = [];
    for (const route of routes.filter(({ scope }) => scope !== null)) {
      const others = SCOPES.filter((scope) => scope !== route.scope && scope !== 'admin');
      const { key } = await insertApiKey(running.database, others);
      const before = await checksums(running.database);
      const { status, body, headers } = await request(running.url, route, graces, key);
      const told = `${status} ${body?.['code']} ${body?.['detail']}`;
      if (told !== `403 forbidden This needs the scope ${route.scope}.`) found.push(`${route.id}: ${told}`);
      if (!headers.get('www-authenticate')?.includes(`scope="${route.scope}"`)) found.push(`${route.id}: no header`);
      if (JSON.stringify(await checksums(running.database)) !== JSON.stringify(before)) found.push(`${route.id}: a row changed`);
    }
    expect(found).toEqual([]);
  });

  it('a signed-in customer at what is not for customers: 403', async () => {
    const isForStaff = ({ id, scope }: Route) => scope !== null && !OF_CUSTOMERS.has(id);
    expect(await refusals(ada.token, (route) => (isForStaff(route) ? 403 : null))).toEqual([]);
  });

  it("another customer's order: 404, as if there were none", async () => {
    const ofOneOrder = (id: string) => OF_CUSTOMERS.has(id) && id !== 'book' && id !== 'listOrders';
    expect(await refusals(ada.token, ({ id }) => (ofOneOrder(id) ? 404 : null))).toEqual([]);
    const none = { ...graces, orderId: '019a0000-0000-7000-8000-0000000000ff' };
    for (const route of routes.filter(({ id }) => ofOneOrder(id))) {
      const [others, nobodys] = await Promise.all([graces, none].map((on) => request(running.url, route, on, ada.token)));
      const same = ({ instance: _instance, requestId: _requestId, detail, ...body }: Record<string, any>, id: string) => ({
        ...body,
        detail: detail.replace(id, ''),
      });
      expect(same(others!.body!, graces.orderId)).toEqual(same(nobodys!.body!, none.orderId));
    }
    expect((await ada.get('/v1/orders')).body.items).toEqual([]);
  });

  it("a customer's own: everything that is for customers", async () => {
    const found: string[] = [];
    for (const route of routes.filter(({ id }) => OF_CUSTOMERS.has(id))) {
      const own = await fixture(running.database, running.api, ada);
      const { status, body } = await request(running.url, route, own, ada.token);
      if (status >= 300) found.push(`${route.id}: ${status} ${JSON.stringify(body)}`);
      if (route.id === 'listOrders' && !body!['items'].every(({ eventId }: Fixture) => eventId !== graces.eventId))
        found.push('list');
    }
    expect(found).toEqual([]);
  });

  it.each(['a key', 'a token'])('%s with the scope: let in', async (kind) => {
    const found: string[] = [];
    for (const route of routes.filter(({ scope }) => scope !== null)) {
      for (const scope of new Set([route.scope!, 'admin'])) {
        const on = await fixture(running.database, running.api, running.api);
        const { key } = await insertApiKey(running.database, [scope]);
        const token = kind === 'a key' ? key : await provider.token({ sub: 'staff', scp: ['openid', scope] });
        const { status, body } = await request(running.url, route, on, token);
        if (status >= 300) found.push(`${route.id} with ${scope}: ${status} ${JSON.stringify(body)}`);
      }
    }
    expect(found).toEqual([]);
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
