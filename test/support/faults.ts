import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, Reply } from './client.js';
import type { TestDatabase } from './database.js';

const PATIENCE_MS = 20_000;
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

/** Asks again, as a client with a key should, until the answer is not that the service is unavailable. */
export async function untilAnswered(ask: () => Promise<Reply>): Promise<Reply> {
  return eventually('an answer other than 503', async () => {
    const reply = await ask().catch(() => undefined);
    return reply?.status !== 503 && reply;
  });
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
