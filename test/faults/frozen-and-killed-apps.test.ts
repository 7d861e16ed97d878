import { randomUUID } from 'node:crypto';
import { countByStatus } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { backendGone, blockedBackend, holdEventLock, orderIdsOf } from '../support/faults.js';
import { AppProcess } from '../support/process.js';

const BOOKINGS = 200;

describe('an app that stops in the middle of a booking', () => {
  let database: TestDatabase;
  let healthy: AppProcess;
  const processes: AppProcess[] = [];

  const startProcess = async (variables: Record<string, string> = {}) => {
    const started = await AppProcess.start({ DATABASE_URL: database.url, ...variables });
    processes.push(started);
    return started;
  };

  beforeAll(async () => {
    database = await TestDatabase.create();
    healthy = await startProcess();
  });
  afterAll(async () => {
    for (const started of processes) {
      started.child.kill('SIGCONT');
      await started.end('SIGKILL');
    }
    await database.drop();
  });

  it('frozen while it holds the event lock: another process goes on booking, and the frozen one wakes to nothing done twice', async () => {
    const freezing = await startProcess({
      DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: '1000',
      // Else it would free the lock too, only later.
      DATABASE_TRANSACTION_TIMEOUT_MS: '600000',
      DATABASE_POOL_MAX: '5',
    });
    const { eventId, ticketTypeId } = await eventOnSale(healthy.api, [10_000]);
    const keys = Array.from({ length: BOOKINGS }, () => randomUUID());
    const book = ({ api }: AppProcess, key: string) => api.book(eventId, { [ticketTypeId]: 1 }, { key });

    const lock = await holdEventLock(database, eventId);
    const underway = Promise.all(keys.map((key) => book(freezing, key)));
    const pid = await blockedBackend(database);
    freezing.child.kill('SIGSTOP');
    await lock.release();
    const others = await Promise.all(Array.from({ length: 20 }, () => book(healthy, randomUUID())));
    expect(countByStatus(others)).toEqual({ 201: 20 });
    await backendGone(database, pid);

    freezing.child.kill('SIGCONT');
    const woken = await underway;
    expect(countByStatus(woken)).toEqual({ 201: BOOKINGS });
    const repeats = await Promise.all(keys.map((key) => book(healthy, key)));
    expect(repeats.map(({ body }) => body)).toEqual(woken.map(({ body }) => body));
    expect(await orderIdsOf(healthy.api, eventId)).toHaveLength(BOOKINGS + others.length);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('killed while it waits for the event lock: its backend does not stay to take the lock, though the lock is still held', async () => {
    // Time-outs so long that only the check of the client can end the wait.
    const doomed = await startProcess({
      DATABASE_LOCK_TIMEOUT_MS: '600000',
      DATABASE_STATEMENT_TIMEOUT_MS: '600000',
      DATABASE_TRANSACTION_TIMEOUT_MS: '600000',
    });
    const { eventId, ticketTypeId } = await eventOnSale(healthy.api);
    const key = randomUUID();
    const lock = await holdEventLock(database, eventId);
    const lost = doomed.api.book(eventId, { [ticketTypeId]: 1 }, { key }).catch(() => 'no answer');
    const backend = await blockedBackend(database);
    await doomed.end('SIGKILL');
    expect(await lost).toBe('no answer');
    await backendGone(database, backend);
    await lock.release();
    expect((await healthy.api.book(eventId, { [ticketTypeId]: 1 }, { key })).status).toBe(201);
    expect(await orderIdsOf(healthy.api, eventId)).toHaveLength(1);
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
