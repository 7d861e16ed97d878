import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, Reply } from './client.js';
import type { TestDatabase } from './database.js';
import type { AppProcess } from './process.js';

const PATIENCE_MS = 45_000;
const PAUSE_MS = 10;

/** Waits until `probe` finds something. @throws Error when it does not for a long time */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined | null | false>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    const found = await probe();
    if (found) return found;
    await sleep(PAUSE_MS);
  }
  throw new Error(`Waited in vain: ${what}`);
}

/** Holds the lock of the event in a transaction of its own until it is released. */
export async function holdEventLock(database: TestDatabase, eventId: string): Promise<{ release(): Promise<void> }> {
  const client = await database.connect();
  await client.query('begin');
  await client.query('select from events where id = $1 for update', [eventId]);
  return { release: () => client.end() };
}

/** Who holds which lock. */
export interface HeldLock {
  /** Process id of its backend. */
  pid: number;
  eventId: string;
}

/** Stops the process (SIGSTOP) at a moment at which it holds an event lock and the server waits for its next statement. */
export function freezeHoldingEventLock(database: TestDatabase, { child }: AppProcess): Promise<HeldLock> {
  return eventually('the app is caught with the event lock', async () => {
    child.kill('SIGSTOP');
    // What it had sent is carried out first; its backend is then busy no more.
    await sleep(20);
    // pg_locks does not have the locks of rows; the row itself has the transaction that holds it.
    const rows = await database.sql<HeldLock>(
      `select a.pid, e.id as "eventId" from pg_stat_activity a join events e on e.xmax = a.backend_xid
        where a.datname = current_database() and a.state = 'idle in transaction' and a.client_port = any($1::integer[])`,
      [localPortsOf(child.pid!)],
    );
    if (rows[0]) return rows[0];
    child.kill('SIGCONT');
    await sleep(5);
    return null;
  });
}

/** The ports of this machine that the process has taken for its TCP connections; by them the server knows its clients. */
function localPortsOf(pid: number): number[] {
  const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map((file) => linkOf(`/proc/${pid}/fd/${file}`)));
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => sockets.has(`socket:[${fields[9]}]`))
      .map((fields) => parseInt(fields[1]!.split(':')[1]!, 16)),
  );
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return null;
  }
}

/** Waits for a connection of an app that waits for a lock. @returns the process id of its backend */
export function blockedBackend(database: TestDatabase): Promise<number> {
  return eventually('an app waits for a lock', async () => {
    const rows = await database.sql<{ pid: number }>(
      `select pid from pg_stat_activity
        where datname = current_database() and application_name = 'holdfast' and wait_event_type = 'Lock'`,
    );
    return rows[0]?.pid;
  });
}

/** Waits until the server has ended the backend. */
export async function backendGone(database: TestDatabase, pid: number): Promise<void> {
  await eventually(`backend ${pid} is gone`, async () => {
    return (await database.sql('select from pg_stat_activity where pid = $1', [pid])).length === 0;
  });
}

/** Jobs of the app have transactions too, but they end. */
export async function noneLeftInTransaction(database: TestDatabase): Promise<void> {
  await eventually('no connection is left in a transaction', async () => {
    const open = await database.sql(
      `select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    );
    return open.length === 0;
  });
}

/** Asks again, as a client with a key should, until the answer is not that the service is unavailable. */
export async function untilAnswered(ask: () => Promise<Reply>): Promise<Reply> {
  return eventually('an answer other than 503', async () => {
    const reply = await ask().catch(() => undefined);
    return reply?.status !== 503 && reply;
  });
}

/** Waits until the app says that it can serve requests. */
export async function untilReady(api: ApiClient): Promise<void> {
  await eventually('the app is ready', async () => (await api.get('/health/ready')).status === 200);
}

/** The ids of all orders of the event, through the API. */
export async function orderIdsOf(api: ApiClient, eventId: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { body }: Reply = await api.get(`/v1/orders?eventId=${eventId}&limit=200${cursor && `&cursor=${cursor}`}`);
    ids.push(...body.items.map(({ id }: { id: string }) => id));
    cursor = body.nextCursor;
  }
  return ids;
}
