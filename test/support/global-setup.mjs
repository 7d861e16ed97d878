// Starts one PostgreSQL for all test files (or uses TEST_DATABASE_URL, whose user must be allowed to create databases),
// and migrates the template that each file clones.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { ormConfig } from '../../dist/mikro-orm.config.js';
import { readEnvironment } from '../../dist/src/platform/config/environment.js';
import { EmbeddedPostgres } from '../../dist/src/platform/database/embedded-postgres.js';
import { migrate } from '../../dist/src/platform/database/migrations.js';
import { pg } from '../../dist/src/platform/database/pg-client.js';

export const TEMPLATE = 'holdfast_template';

export default async function setUp() {
  Logger.overrideLogger(['fatal', 'error', 'warn']);
  let serverUrl = process.env.TEST_DATABASE_URL;
  if (!serverUrl) {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
    const server = new EmbeddedPostgres(directory);
    await server.start();
    globalThis.testServer = { server, directory };
    serverUrl = server.url('postgres');
  }
  process.env.TEST_SERVER_URL = serverUrl;
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`drop database if exists ${TEMPLATE}`);
  await client.query(`create database ${TEMPLATE}`);
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = `/${TEMPLATE}`;
  await migrate(ormConfig({ ...readEnvironment({}), DATABASE_URL: url.href }));
}
