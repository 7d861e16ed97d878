import { readFileSync } from 'node:fs';
import type { Client, QueryResultRow } from 'pg';
import { pg } from '../../src/platform/database/pg-client.js';
import { insertAdminKey } from './api-keys.js';

const TEMPLATE = 'holdfast_template';
const INVARIANTS = readFileSync(new URL('invariants.sql', import.meta.url), 'utf8');

declare global {
  var someTestFailed: boolean | undefined;
}

function serverUrl(database: string): string {
  const url = new URL(process.env['TEST_SERVER_URL']!);
  url.pathname = `/${database}`;
  return url.href;
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl('postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A migrated database of one test file, with the {@link ADMIN} key. */
export class TestDatabase {
  private constructor(
    readonly name: string,
    readonly url: string,
    private readonly client: Client,
  ) {}

  static async create(): Promise<TestDatabase> {
    const name = `test_${process.pid}_${Date.now().toString(36)}_${Math.random().toString(36).slice(2, 8)}`;
    await onServer(`create database ${name} template ${TEMPLATE}`);
    return TestDatabase.open(serverUrl(name));
  }

  /** One that is there already, on any server; it is not to be dropped, only left by {@link leave}. */
  static async open(url: string): Promise<TestDatabase> {
    const database = new TestDatabase(new URL(url).pathname.slice(1), url, await TestDatabase.connect(url));
    const [schema] = await database.sql<{ migrated: boolean }>(`select to_regclass('api_keys') is not null as migrated`);
    if (schema!.migrated) await insertAdminKey(database);
    return database;
  }

  private static async connect(url: string): Promise<Client> {
    const client = new pg.Client({ connectionString: url, application_name: 'test' });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** Another connection, for holding locks and the like; end it yourself. */
  connect(): Promise<Client> {
    return TestDatabase.connect(this.url);
  }

  async sql<T extends QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.client.query<T>(text, values)).rows;
  }

  /** Every broken invariant; see `invariants.sql`. */
  brokenInvariants(): Promise<Array<{ invariant: string; subject: string; found: string }>> {
    return this.sql(INVARIANTS);
  }

  /** @throws Error that names the broken ones */
  async assertInvariants(): Promise<void> {
    const broken = await this.brokenInvariants();
    if (broken.length > 0) throw new Error(`Broken invariants: ${JSON.stringify(broken)}`);
  }

  async leave(): Promise<void> {
    await this.client.end();
  }

  /** Drops the database, or keeps it and says its name when a test of this file failed. */
  async drop(): Promise<void> {
    await this.client.end();
    if (globalThis.someTestFailed) console.log(`The database of this file is kept: ${this.name}`);
    else await onServer(`drop database if exists ${this.name} with (force)`);
  }
}
