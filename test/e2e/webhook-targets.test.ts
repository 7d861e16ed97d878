import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { HostLookup } from '../../src/modules/webhooks/index.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventually } from '../support/faults.js';

/** What a URL may not lead to, in all the ways to say it. */
const HOSTS = [
  ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '017700000001', '0177.0.0.1', '0.0.0.0', '0'],
  ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[64:ff9b::7f00:1]'],
  ...['10.0.0.1', '192.168.0.1', '172.16.0.1', '100.64.0.1', '169.254.169.254', '[fe80::1]', '[fd00::1]', '224.0.0.1'],
];

let running: TestApp;
let api: ApiClient;
let lookup: HostLookup;
let server: Server;
let port: number;
/** Connections that were made to this machine. */
let connections = 0;

beforeAll(async () => {
  running = await startApp();
  api = running.api;
  lookup = running.app.get(HostLookup);
  server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await once(server.listen(0, '::'), 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  await running.close();
  server.close();
});
beforeEach(() => (connections = 0));

async function create(url: string) {
  return api.post('/v1/webhook-endpoints', { url });
}

/** Sends a test. @returns what came of it */
async function outcomeOf(id: string) {
  await api.post(`/v1/webhook-endpoints/${id}/test`);
  return eventually('the attempt', async () => {
    const { body } = await api.get(`/v1/webhook-endpoints/${id}/deliveries`);
    return body.items[0].attempts > 0 && body.items[0];
  });
}

it.each([...HOSTS, 'localhost', 'x.localhost'])('https://%s is no URL for an endpoint', async (host) => {
  const { status, body } = await create(`https://${host}:${port}/`);
  expect(status).toBe(400);
  expect(body).toMatchObject({
    code: 'validation-failed',
    errors: [{ pointer: '/url', detail: expect.stringContaining('public') }],
  });
});

it('nor is one without TLS, or with credentials; not for a change either', async () => {
  const { body: endpoint } = await create('https://erp.example.com/');
  for (const url of ['http://erp.example.com/', 'https://a:b@erp.example.com/', 'https://a@erp.example.com/', `https://127.1/`]) {
    expect((await create(url)).body.errors).toMatchObject([{ pointer: '/url' }]);
    const { body } = await api.patch(`/v1/webhook-endpoints/${endpoint.id}`, { url }, { 'if-match': '*' });
    expect(body.errors).toMatchObject([{ pointer: '/url' }]);
  }
  expect((await api.get(`/v1/webhook-endpoints/${endpoint.id}`)).body.version).toBe(1);
});

it.each(HOSTS)('an endpoint at https://%s, made while private networks were allowed, gets nothing', async (host) => {
  const { body } = await create('https://erp.example.com/');
  await running.database.sql('update webhook_endpoints set url = $1 where id = $2', [`https://${host}:${port}/`, body.id]);
  const delivery = await outcomeOf(body.id);
  expect(delivery).toMatchObject({ status: 'failed', responseStatus: null, error: expect.stringContaining('public internet') });
  expect(connections).toBe(0);
});

it('nor one without TLS', async () => {
  const { body } = await create('https://erp.example.com/');
  await running.database.sql('update webhook_endpoints set url = $1 where id = $2', [`http://8.8.8.8:${port}/`, body.id]);
  expect((await outcomeOf(body.id)).error).toContain('https://');
});

describe('a name', () => {
  const V4 = (address: string) => ({ address, family: 4 });
  const V6 = (address: string) => ({ address, family: 6 });

  it.each([
    ['this machine', [V4('127.0.0.1')]],
    ['this machine in IPv6', [V6('::1')]],
    ['this machine, mapped', [V6('::ffff:127.0.0.1')]],
    ['a private network', [V4('10.0.0.1')]],
    ['the metadata of a cloud', [V4('169.254.169.254')]],
    ['a public host and this machine', [V4('93.184.215.14'), V4('127.0.0.1')]],
    ['this machine behind NAT64', [V6('64:ff9b::7f00:1')]],
    ['nothing', []],
  ])('that leads to %s is not connected to', async (_, addresses) => {
    lookup.all = (host, answer) => answer(null, host === 'rebound.example.com' ? addresses : []);
    const { status, body } = await create(`https://rebound.example.com:${port}/`);
    expect(status).toBe(201);
    const delivery = await outcomeOf(body.id);
    expect(delivery).toMatchObject({
      ...{ status: 'failed', responseStatus: null, responseBody: null },
      error: 'rebound.example.com is not on the public internet (see WEBHOOK_ALLOW_PRIVATE_NETWORKS).',
    });
    expect(connections).toBe(0);
  });

  it('is looked up for each attempt: one that leads elsewhere by now is judged anew', async () => {
    const asked: string[] = [];
    lookup.all = (host, answer) => {
      asked.push(host);
      answer(null, [asked.length === 1 ? V4('10.0.0.1') : V4('127.0.0.1')]);
    };
    const { body } = await create(`https://rebound.example.com:${port}/`);
    await outcomeOf(body.id);
    await outcomeOf(body.id);
    expect(asked).toEqual(['rebound.example.com', 'rebound.example.com']);
    expect(connections).toBe(0);
  });
});
