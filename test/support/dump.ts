import type { TestDatabase } from './database.js';

/** The tables that have a row with the text anywhere in it, in any case: every column of every table of every schema is looked at. */
export async function tablesWith(database: TestDatabase, text: string): Promise<string[]> {
  const tables = await database.sql<{ name: string }>(
    `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await database.sql(`select from ${name} t where position(lower($1) in lower(to_jsonb(t)::text)) > 0 limit 1`, [
      text,
    ]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}
