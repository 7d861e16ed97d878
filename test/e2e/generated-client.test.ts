import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startApp, type TestApp } from '../support/app.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLIENT = 'test/e2e/client';

/** @returns what it says, which is nothing when all is well */
const run = (command: string, ...args: string[]) =>
  promisify(execFile)(`${ROOT}node_modules/.bin/${command}`, args, { cwd: ROOT }).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: { stdout: string; stderr: string; message: string }) => error.stdout + error.stderr + error.message,
  );

/** No part of the project's own type check, which needs no generated code: see `tsconfig.json` of the client. */
describe('the client that is generated from the OpenAPI document of a running server', () => {
  let running: TestApp;
  let program: typeof import('./client/booking-program.js');

  beforeAll(async () => {
    running = await startApp();
    const input = `${running.url}/openapi.json`;
    const complaint = await run('openapi-ts', '-i', input, '-o', `${CLIENT}/generated`, '--silent', '--no-log-file');
    if (complaint) throw new Error(complaint);
    program = await import('./client/booking-program.js');
  });
  afterAll(() => running.close());

  it('compiles in strict mode, with the program that uses it and the expectations of its types', async () => {
    expect(await run('tsc', '--project', CLIENT)).toBe('');
  });

  it('creates an event, publishes, books, pages through the orders and tells problems apart by their code', async () => {
    const { book, cancelSale, connect, openSale, ordersOf } = program;
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
    expect(await book(connect(running.url, 'hf_nobody_x'), event.id, ticketTypeId, 1, 'who?')).toBe('unauthenticated');

    const orders = await ordersOf(client, event.id);
    expect(orders.map(({ sequence }) => sequence)).toEqual([3, 2, 1]);

    await cancelSale(client, event.id);
    expect(await book(client, event.id, ticketTypeId, 1, 'too late')).toBe('not on sale: cancelled');
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('does not take a lost connection for an answer', async () => {
    const cutting = createServer((socket) => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1');
    await once(cutting, 'listening');
    const { port } = cutting.address() as AddressInfo;
    const lost = program.book(program.connect(`http://127.0.0.1:${port}`, 'any'), 'any', 'any', 1, 'any');
    await expect(lost).rejects.toMatchObject({ message: 'fetch failed', cause: { code: 'UND_ERR_SOCKET' } });
    cutting.close();
  });
});
