import { readFileSync } from 'node:fs';
import type { OpenAPIObject } from '@nestjs/swagger';
import { startApp, type TestApp } from '../support/app.js';
import { ConformingClient } from '../support/conformance.js';

const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8')) as OpenAPIObject;
const SHOP = 'https://shop.example.com';

describe('the headers that limits and allowed origins add are as the OpenAPI document says', () => {
  let running: TestApp;
  let api: ConformingClient;

  const start = async (limit: string) => {
    running = await startApp({ RATE_LIMIT_API_KEY_PER_MINUTE: limit, CORS_ORIGINS: SHOP });
    api = new ConformingClient(running.url, running.api.token, document);
  };
  const ask = async (path: string) => {
    const { status, headers } = await api.get(path, { origin: SHOP });
    const policy = headers.get('ratelimit-policy');
    return { status, policy, origin: headers.get('access-control-allow-origin'), retry: headers.has('retry-after') };
  };

  afterEach(() => running.close());

  it('of a request within the limit, and of the one too many', async () => {
    await start('1');
    const policy = '"address";q=100000;w=60, "caller";q=1;w=60';
    expect(await ask('/v1/events')).toEqual({ status: 200, policy, origin: SHOP, retry: false });
    expect(await ask('/v1/events')).toEqual({ status: 429, policy, origin: SHOP, retry: true });
  });

  it('at the largest limit that can be set', async () => {
    await start('1000000000');
    const policy = '"address";q=100000;w=60, "caller";q=1000000000;w=60';
    expect(await ask('/v1/events')).toEqual({ status: 200, policy, origin: SHOP, retry: false });
  });

  it.each(['live', 'ready'])('of health checks, which are not counted: %s', async (path) => {
    await start('1');
    expect(await ask(`/health/${path}`)).toEqual({ status: 200, policy: null, origin: SHOP, retry: false });
  });
});
