import { setTimeout as sleep } from 'node:timers/promises';
import { ShutdownGate } from '../../src/platform/http/shutdown-gate.js';
import { startApp } from '../support/app.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually, untilReady } from '../support/faults.js';
import { freePort } from '../support/free-port.js';
import { Listener, RawListener } from '../support/listener.js';
import { OwnServer } from '../support/own-server.js';
import { AppProcess } from '../support/process.js';

const SEVERAL_POLLS_MS = 1_000;

const processes: AppProcess[] = [];
const listeners: Array<{ close(): void }> = [];

async function start(variables: Record<string, string>): Promise<AppProcess> {
  const started = await AppProcess.start(variables);
  processes.push(started);
  return started;
}

function listen({ api }: AppProcess, eventId: string): Listener {
  const listener = new Listener(api.url, eventId);
  listeners.push(listener);
  return listener;
}

afterEach(async () => {
  for (const listener of listeners.splice(0)) listener.close();
  for (const started of processes.splice(0)) await started.end('SIGKILL');
});

describe('open streams while the database is away', () => {
  let server: OwnServer;

  beforeAll(async () => {
    server = await OwnServer.start();
  });
  afterAll(() => server.remove());

  it.each(['stop', 'crash'] as const)(
    '%s and start: they stay open and go on with what has changed; the app logs no error',
    async (end) => {
      const app = await start({ DATABASE_URL: server.url });
      const { eventId, ticketTypeId } = await eventOnSale(app.api);
      const all = Array.from({ length: 5 }, () => listen(app, eventId));
      await Promise.all(all.map((listener) => listener.receives({ sold: 0 })));

      await server[end]();
      await eventually('the app notices', () => Promise.resolve(app.printed.includes('Cannot read the availability')));
      await sleep(SEVERAL_POLLS_MS);
      await server.startAgain();
      await untilReady(app.api);
      expect((await app.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
      await Promise.all(all.map((listener) => listener.receives({ sold: 1 })));

      expect(all.map(({ messages }) => messages.length)).toEqual([2, 2, 2, 2, 2]);
      expect(all.flatMap(({ errors }) => errors)).toEqual([]);
      expect(app.printed).not.toMatch(/"level":"(?:error|fatal)"|(?:^|\\n)\s+at /m);
      expect(app.printed.match(/Cannot read the availability/g)).toHaveLength(1);
      const database = await TestDatabase.open(server.url);
      expect(await database.brokenInvariants()).toEqual([]);
      await database.leave();
    },
  );
});

describe('open streams while the app ends', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await TestDatabase.create();
  });
  afterAll(() => database.drop());

  it('a listener that comes back too soon is cut off and not refused, which would close it for good', async () => {
    const running = await startApp({}, database);
    const { eventId } = await eventOnSale(running.api);
    running.app.get(ShutdownGate, { strict: false }).onModuleDestroy();
    const listener = new Listener(running.url, eventId);
    listeners.push(listener);
    // Once perhaps because its connection was one that was open and idle.
    await eventually('it is cut off twice', () => Promise.resolve(listener.errors.length > 1 || listener.isClosedForGood));
    expect(listener.errors).toEqual([null, null]);
    expect((await running.api.get(`/v1/events/${eventId}`)).body.code).toBe('overloaded');
    listener.close();
    await running.app.close();
  });

  it('SIGTERM ends it with 0, and the listeners come back to the next one', async () => {
    const PORT = String(await freePort());
    const app = await start({ DATABASE_URL: database.url, PORT });
    const { eventId, ticketTypeId } = await eventOnSale(app.api);
    const all = Array.from({ length: 20 }, () => listen(app, eventId));
    await Promise.all(all.map((listener) => listener.receives({ sold: 0 })));
    listeners.push(await RawListener.open(app.api.url, eventId));
    expect(await app.end('SIGTERM')).toBe(0);

    const next = await start({ DATABASE_URL: database.url, PORT });
    expect((await next.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    await Promise.all(all.map((listener) => listener.receives({ sold: 1 })));
    expect(all.filter(({ isClosedForGood }) => isClosedForGood)).toEqual([]);
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
