import type { TestDatabase } from './database.js';

/** Number of rows and a checksum of all their values, by table. */
export async function checksums(database: TestDatabase): Promise<Record<string, string>> {
  const tables = await database.sql<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public'`);
  const sums = tables.map(async ({ name }): Promise<[string, string]> => {
    const [row] = await database.sql<{ sum: string }>(
      `select count(*) || ' rows, ' || md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as sum from "${name}" t`,
    );
    return [name, row!.sum];
  });
  return Object.fromEntries(await Promise.all(sums));
}
