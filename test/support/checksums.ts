import type { TestDatabase } from './database.js';

/** The use of a key is noted whatever comes of the request. */
const rowText = (table: string) => (table === 'api_keys' ? `(to_jsonb(t) - 'last_used_at')::text` : 't::text');

/** Number of rows and a checksum of all their values, by table; but for the places that consumers move on by themselves. */
export async function checksums(database: TestDatabase): Promise<Record<string, string>> {
  const tables = await database.sql<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'domain_event_cursors'`,
  );
  const sums: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await database.sql<{ sum: string }>(
      `select count(*) || ' rows, ' || md5(coalesce(string_agg(r, '|' order by r), '')) as sum from (select ${rowText(name)} as r from "${name}" t) rows`,
    );
    sums[name] = row!.sum;
  }
  return sums;
}
