import { exec } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ApiClient, Reply } from '../support/client.js';
import { insertAdminKey } from '../support/api-keys.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually, orderIdsOf } from '../support/faults.js';
import { AppProcess } from '../support/process.js';

const run = promisify(exec);
const processes: AppProcess[] = [];
const folders: string[] = [];

async function start(variables: Record<string, string>): Promise<AppProcess> {
  const started = await AppProcess.start(variables);
  processes.push(started);
  return started;
}

function newDataDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
  folders.push(folder);
  return folder;
}

/** The first lines of `postmaster.pid`, which is there while the embedded server runs: its process id and its port. */
function embeddedServer(dataDir: string): { pid: number; port: number } {
  const lines = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]) };
}

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() && true)).once('error', () => resolve(false));
  });

const refusedStart = (variables: Record<string, string>) =>
  AppProcess.start(variables).then(
    () => Promise.reject(new Error('It started')),
    (error: Error) => error.message,
  );

afterAll(async () => {
  for (const started of processes) await started.end();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('with the embedded database', () => {
  const dataDir = newDataDir();
  const booked: string[] = [];
  let eventId: string;
  let ticketTypeId: string;

  const ordersAreThere = async (api: ApiClient) => expect((await orderIdsOf(api, eventId)).toSorted()).toEqual(booked.toSorted());

  it('the first start makes the database and a demo event, and prints a curl line that books a ticket', async () => {
    const app = await start({ DATA_DIR: dataDir });
    expect(app.printed).toContain(`Swagger UI: ${app.api.url}/docs`);
    const line = /^curl .+$/m.exec(app.printed)![0];
    const { stdout } = await run(line);
    expect(stdout).toMatch(/^HTTP\/1.1 201 /);
    const order = JSON.parse(stdout.slice(stdout.indexOf('\r\n\r\n')));
    booked.push(order.id);
    eventId = order.eventId;
    ticketTypeId = order.items[0].ticketTypeId;
    await ordersAreThere(app.api);
  });

  it('a second start on the same folder is refused plainly and does not disturb the first', async () => {
    const [first] = processes;
    const message = await refusedStart({ DATA_DIR: dataDir });
    expect(message).toContain('The app ended with 1');
    expect(message).toContain(`Another Holdfast runs on ${dataDir} already. Stop it, or choose another DATA_DIR.`);
    expect(message).not.toMatch(/(?:^|\\n)\s+at /m);
    const reply = await first!.api.book(eventId, { [ticketTypeId]: 1 });
    expect(reply.status).toBe(201);
    booked.push(reply.body.id);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends it with 0, and the database with it; the next start has the orders',
    async (signal) => {
      const app = processes.pop()!;
      const { port } = embeddedServer(dataDir);
      expect(await listens(port)).toBe(true);
      expect(await app.end(signal)).toBe(0);
      expect(await listens(port)).toBe(false);
      expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
      const next = await start({ DATA_DIR: dataDir });
      await ordersAreThere(next.api);
    },
  );

  it('the admin key is made once and kept for its owner only; a start makes another when it is not good any more', async () => {
    const file = join(dataDir, 'admin-key');
    const kept = () => readFileSync(file, 'utf8').trim();
    const first = kept();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const app = processes.pop()!;
    expect(app.printed).toContain(`Admin key:  ${first}`);
    expect((await app.api.get('/v1/api-keys')).body.items).toHaveLength(1);
    const [{ id }] = (await app.api.get('/v1/api-keys')).body.items;
    expect((await app.api.send('DELETE', `/v1/api-keys/${id}`)).status).toBe(204);
    expect(await app.end()).toBe(0);
    const next = await start({ DATA_DIR: dataDir });
    expect(kept()).not.toBe(first);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await next.api.get('/v1/api-keys')).body.items).toHaveLength(2);
    expect((await next.api.as(first).get('/v1/api-keys')).status).toBe(401);
  });

  it('killed, the next start needs no help and has the orders', async () => {
    for (let time = 0; time < 2; time++) {
      const app = processes.pop()!;
      const reply = await app.api.book(eventId, { [ticketTypeId]: 1 });
      booked.push(reply.body.id);
      expect(await app.end('SIGKILL')).toBeNull();
      const next = await start({ DATA_DIR: dataDir });
      await ordersAreThere(next.api);
    }
  });

  it('killed together with its database, the next start needs no help and has the orders', async () => {
    const app = processes.pop()!;
    const { pid, port } = embeddedServer(dataDir);
    await app.end('SIGKILL');
    process.kill(pid, 'SIGKILL');
    await eventually('the server is gone', async () => !(await listens(port)));
    // As after a reboot: the process id in the file has passed to another process of the same account.
    const database = await TestDatabase.create();
    const [other] = await database.sql<{ pid: number }>('select pg_backend_pid() as pid');
    const file = join(dataDir, 'postgres', 'postmaster.pid');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(other!.pid)));
    const next = await start({ DATA_DIR: dataDir });
    await ordersAreThere(next.api);
    expect((await next.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    await database.drop();
  });
});

describe('with a database of its own', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await TestDatabase.create();
  });
  afterAll(async () => {
    for (const started of processes) await started.end();
    await database.drop();
  });

  async function withEmptyDatabase(test: (empty: TestDatabase) => Promise<void>): Promise<void> {
    const url = new URL(database.url);
    url.pathname = `${database.name}_empty`;
    await database.sql(`create database ${database.name}_empty`);
    const empty = await TestDatabase.open(url.href);
    try {
      await test(empty);
    } finally {
      await empty.leave();
      await database.sql(`drop database ${database.name}_empty with (force)`);
    }
  }

  it('three processes that migrate one empty database at once all come up', () =>
    withEmptyDatabase(async (empty) => {
      const variables = { DATABASE_URL: empty.url, MIGRATE_ON_START: 'true' };
      const three = await Promise.all(Array.from({ length: 3 }, () => start(variables)));
      await insertAdminKey(empty);
      const { eventId, ticketTypeId } = await eventOnSale(three[0]!.api);
      for (const { api } of three) expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
      for (const one of three) expect(await one.end()).toBe(0);
    }));

  it('an empty database is left alone without MIGRATE_ON_START: a plain message and exit code 1', () =>
    withEmptyDatabase(async (empty) => {
      const message = await refusedStart({ DATABASE_URL: empty.url });
      expect(message).toContain('The app ended with 1');
      expect(message).toContain(
        'The database has no tables of Holdfast. Run `npm run migrate`, or start with MIGRATE_ON_START=true.',
      );
      expect(message).not.toMatch(/(?:^|\\n)\s+at /m);
      expect(await empty.sql(`select tablename from pg_tables where schemaname = 'public'`)).toEqual([]);
    }));

  it('a schema of a newer version is refused with a plain message and exit code 1, unless it is said to be all right', () =>
    withEmptyDatabase(async (empty) => {
      const first = await start({ DATABASE_URL: empty.url, MIGRATE_ON_START: 'true' });
      expect(await first.end()).toBe(0);
      await empty.sql(`insert into mikro_orm_migrations (name) values ('Migration20991231000000_from_the_future')`);
      for (const MIGRATE_ON_START of ['false', 'true']) {
        const message = await refusedStart({ DATABASE_URL: empty.url, MIGRATE_ON_START });
        expect(message).toContain('The app ended with 1');
        expect(message).toContain(
          'The database has migrations of a newer Holdfast: Migration20991231000000_from_the_future. Start that version',
        );
        expect(message).not.toMatch(/^\s+at /m);
      }
      const beside = await start({ DATABASE_URL: empty.url, SCHEMA_MAY_BE_NEWER: 'true' });
      expect((await beside.api.get('/health/ready')).status).toBe(200);
    }));

  it.each(['127.0.0.1', 'localhost'])(
    'a database that cannot be reached at %s: a plain message and exit code 1',
    async (host) => {
      const message = await refusedStart({ DATABASE_URL: `postgresql://nobody:secret@${host}:1/none` });
      expect(message).toContain('The app ended with 1');
      expect(message).toMatch(/Cannot start: .*ECONNREFUSED/);
      expect(message).not.toContain('secret');
      expect(message).not.toMatch(/(?:^|\\n)\s+at /m);
    },
  );

  it('an invalid environment: all faults at once and exit code 1', async () => {
    const message = await refusedStart({ PORT: 'many', DATABASE_POOL_MAX: '0', DATABASE_URL: 'mysql://x', LOG_LEVEL: 'loud' });
    expect(message).toContain('The app ended with 1');
    for (const name of ['PORT', 'DATABASE_POOL_MAX', 'DATABASE_URL', 'LOG_LEVEL']) expect(message).toContain(`  - ${name}: `);
    expect(message).not.toMatch(/(?:^|\\n)\s+at /m);
  });

  it('SIGTERM while connections are open that were never used, or are stuck in a request: ends with 0 in time', async () => {
    const app = await start({ DATABASE_URL: database.url, SHUTDOWN_TIMEOUT_MS: '8000' });
    const port = Number(new URL(app.api.url).port);
    const sent = ['', 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n', 'POST /v1/events HTTP/1.1\r\nHo'];
    const sockets = await Promise.all(
      sent.map(async (bytes) => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {}).resume();
        await once(socket, 'connect');
        if (bytes !== '') socket.write(bytes);
        return socket;
      }),
    );
    expect((await app.api.get('/health/live')).status).toBe(200);
    expect(await app.end('SIGTERM')).toBe(0);
    for (const socket of sockets) socket.destroy();
  });

  it('SIGTERM during load: ends with 0 in time, and all that was done was answered', async () => {
    const timeoutMs = 20_000;
    const app = await start({ DATABASE_URL: database.url, SHUTDOWN_TIMEOUT_MS: `${timeoutMs}` });
    const { eventId, ticketTypeId } = await eventOnSale(app.api, [100_000]);
    const replies: Reply[] = [];
    const load = { over: false };
    const customers = Array.from({ length: 20 }, async () => {
      while (!load.over)
        await app.api.book(eventId, { [ticketTypeId]: 1 }, { key: randomUUID() }).then(
          (reply) => replies.push(reply),
          () => sleep(10),
        );
    });
    await eventually('bookings are under way', () => Promise.resolve(replies.length > 50));
    const beganAt = performance.now();
    expect(await app.end('SIGTERM')).toBe(0);
    expect(performance.now() - beganAt).toBeLessThan(timeoutMs + 2_000);
    load.over = true;
    await Promise.all(customers);

    expect(replies.map(({ status }) => status).filter((status) => ![201, 503].includes(status))).toEqual([]);
    for (const { status, headers } of replies) if (status === 503) expect(headers.get('retry-after')).not.toBeNull();
    const orders = await database.sql<{ id: string }>('select id from orders where event_id = $1', [eventId]);
    const answered = replies.filter(({ status }) => status === 201).map(({ body }) => body.id as string);
    expect(orders.map(({ id }) => id).toSorted()).toEqual(answered.toSorted());
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
