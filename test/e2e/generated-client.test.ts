import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startApp, type TestApp } from '../support/app.js';
import { book, connect, openSale, ordersOf } from './client/booking-program.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = (command: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(`${ROOT}node_modules/.bin/${command}`, args, { cwd: ROOT, encoding: 'utf8' });
  return { status, output: status === 0 ? '' : stdout + stderr };
};

describe('the client generated from the OpenAPI document', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  it('is current', () => {
    expect(run('openapi-typescript', 'openapi.json', '--output', 'test/e2e/client/schema.ts', '--check')).toEqual({
      status: 0,
      output: '',
    });
  });

  it('compiles in strict mode, with the program that uses it and the expectations of its types', () => {
    expect(run('tsc', '--project', 'test/e2e/client')).toEqual({ status: 0, output: '' });
  });

  it('creates an event, publishes, books, pages through the orders and tells problems apart by their code', async () => {
    const client = connect(running.url, running.api.token!);
    const { event, ticketTypeId } = await openSale(client, 8);
    expect(event).toMatchObject({ status: 'published', venue: null });

    for (let count = 1; count <= 3; count++) {
      expect(await book(client, event.id, ticketTypeId, 2, `booking ${count}`)).toMatchObject({
        status: 'confirmed',
        total: { amount: 9000, currency: 'EUR' },
      });
    }
    expect(await book(client, event.id, ticketTypeId, 3, 'one too many')).toBe('2 left of 3');
    expect(await book(client, event.id, ticketTypeId, 101, 'far too many')).toBe('/items/0/quantity');
    expect(await book(client, event.id, ticketTypeId, 1, 'booking 1')).toBe('idempotency-key-reused');

    const orders = await ordersOf(client, event.id);
    expect(orders.map(({ sequence }) => sequence)).toEqual([3, 2, 1]);

    await client.POST('/v1/events/{eventId}/cancel', { params: { path: { eventId: event.id } } });
    expect(await book(client, event.id, ticketTypeId, 1, 'too late')).toBe('not on sale: cancelled');
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
