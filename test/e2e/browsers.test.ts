import { startApp, type TestApp } from '../support/app.js';
import { rawRequest } from '../support/raw.js';

const SHOP = 'https://shop.example.com';

describe('browsers', () => {
  let closed: TestApp;
  let open: TestApp;

  beforeAll(async () => {
    closed = await startApp();
    open = await startApp({ CORS_ORIGINS: `${SHOP}, https://box.example.com:8443` }, closed.database);
  });
  afterAll(async () => {
    await open.close();
    await closed.close();
  });

  const preflight = (app: TestApp, origin: string) =>
    rawRequest(app.url, 'OPTIONS /v1/orders', [
      `Origin: ${origin}`,
      'Access-Control-Request-Method: POST',
      'Access-Control-Request-Headers: authorization,idempotency-key',
    ]);

  it('on pages of an allowed origin may use the API, before anybody is asked for a token', async () => {
    const { status, headers } = await preflight(open, SHOP);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(headers.get('access-control-allow-headers')).toContain('Idempotency-Key');
    const reply = await open.api.get('/v1/events', { origin: SHOP });
    expect(reply.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(reply.headers.get('access-control-expose-headers')).toContain('ETag');
    expect(reply.headers.get('vary')).toContain('Origin');
    const refused = await open.api.as(null).get('/v1/orders', { origin: SHOP });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, SHOP]);
  });

  it.each(['https://evil.example.com', 'http://shop.example.com', `${SHOP}.evil.example.com`, 'null'])(
    'on pages of %s may not',
    async (origin) => {
      for (const app of [open, closed]) {
        expect((await preflight(app, origin)).headers.get('access-control-allow-origin')).toBeNull();
        expect((await app.api.get('/v1/events', { origin })).headers.get('access-control-allow-origin')).toBeNull();
      }
    },
  );

  it.each(['/v1/events', '/v1/orders', '/nowhere', '/openapi.json'])('are to do nothing with the answer of %s', async (path) => {
    const { headers } = await closed.api.as(null).get(path);
    expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('may show Swagger UI, on plain http too, but not in a frame', async () => {
    const reply = await fetch(`${closed.url}/docs/`);
    const policy = reply.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(await reply.text()).toContain('swagger-ui');
  });
});
