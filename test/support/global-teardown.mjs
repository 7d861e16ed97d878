import { rmSync } from 'node:fs';
import { pg } from '../../dist/src/platform/database/pg-client.js';

export default async function tearDown() {
  const { server, directory } = globalThis.testServer ?? {};
  if (!server) return;
  const client = new pg.Client({ connectionString: process.env.TEST_SERVER_URL });
  await client.connect();
  const { rows } = await client.query(`select datname from pg_database where datname like 'test\\_%'`);
  await client.end();
  await server.stop();
  if (rows.length === 0) rmSync(directory, { recursive: true, force: true });
  else console.log(`Kept ${rows.map((row) => row.datname).join(', ')} of failed files: start them with DATA_DIR=${directory}`);
}
