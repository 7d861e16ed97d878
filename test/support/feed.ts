import type { TestDatabase } from './database.js';
import { eventually } from './faults.js';

/** Waits until the change feed shows all that is committed: transactions of other tests on the same server hold it up, too. */
export async function untilFeedShowsAll(database: TestDatabase): Promise<void> {
  const [now] = await database.sql<{ id: string }>('select pg_current_xact_id()::text as id');
  await eventually('the older transactions have ended', async () => {
    const [row] = await database.sql<{ is_past: boolean }>(
      'select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8 as is_past',
      [now!.id],
    );
    return row!.is_past;
  });
}
