import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startApp, type TestApp } from '../support/app.js';

const SCRIPT = fileURLToPath(new URL('../../dist/src/scripts/api-key.js', import.meta.url));

describe('npm run api-key', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  const run = (...args: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const env = { PATH: process.env['PATH'], DATABASE_URL: running.database.url };
      execFile(process.execPath, [SCRIPT, ...args], { env }, (error, out, err) =>
        resolve({ code: error ? Number(error.code) : 0, out, err }),
      );
    });

  it('makes a key that works, and prints nothing else to the standard output', async () => {
    const { code, out } = await run('create', '--name', 'ops', '--scopes', 'orders:read,events:write', '--expires-in-days', '7');
    expect([code, out]).toEqual([0, expect.stringMatching(/^hf_[0-9a-f]{16}_[0-9a-f]{64}\n$/)]);
    const ops = running.api.as(out.trim());
    expect((await ops.get('/v1/orders')).status).toBe(200);
    expect((await ops.get('/v1/api-keys')).status).toBe(403);
  });

  it('lists keys without their secrets, and revokes them', async () => {
    const { out: key } = await run('create', '--name', 'gone soon', '--scopes', 'admin');
    const { out: list } = await run('list');
    const line = list.split('\n').find((one) => one.endsWith('gone soon'))!;
    expect(line).toContain('expires never');
    expect(list).not.toContain(key.trim().split('_')[2]);
    expect((await run('revoke', line.split(' ')[0]!)).code).toBe(0);
    expect((await running.api.as(key.trim()).get('/v1/api-keys')).status).toBe(401);
    expect((await run('list')).out).toMatch(/revoked .*gone soon/);
  });

  it.each([
    [[], 'Say what to do'],
    [['make'], 'Say what to do'],
    [['create', '--scopes', 'admin'], '--name'],
    [['create', '--name', 'x'], '--scopes'],
    [['create', '--name', 'x', '--scopes', 'root'], '--scopes'],
    [['create', '--name', 'x', '--scopes', 'admin', '--expires-in-days', '0'], '--expires-in-days'],
    [['create', '--name', 'x', '--scopes', 'admin', '--forever'], '--forever'],
    [['list', '--name', 'x'], 'Only create has options'],
    [['revoke', 'x'], 'x is not the id of a key'],
  ])('%j: a plain message with the usage, and exit code 1', async (args, message) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(message);
    expect(err).toContain('Usage:');
    expect(err).not.toMatch(/^\s+at /m);
  });
});
