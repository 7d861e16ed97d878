import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { pg } from '../../src/platform/database/pg-client.js';
import { postmasterOf } from './cpu.js';
import { BenchDatabase } from './database.js';

/** Enough for the floor with 256 connections, and the app beside it. */
const EMBEDDED_MAX_CONNECTIONS = 400;
/** What the app, the benchmark itself and the background workers may need beside a floor. */
const SPARE_CONNECTIONS = 40;

/** The PostgreSQL server of a run: that of DATABASE_URL, or an embedded one in a folder of its own. */
export class BenchServer {
  private constructor(
    private readonly adminUrl: string,
    /** Null when the server is on another machine. */
    readonly postmaster: number | null,
    readonly version: string,
    /** Most connections that a floor may take. */
    readonly connectionsMax: number,
    private readonly remove: () => Promise<void>,
  ) {}

  /** @param url of a user who may create databases; without it an embedded server is started */
  static async start(url: string | undefined): Promise<BenchServer> {
    if (url) return BenchServer.at(url, () => Promise.resolve());
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
    const server = new EmbeddedPostgres(directory);
    const remove = async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    };
    try {
      await server.start();
      await execute(server.url('postgres'), `alter system set max_connections = ${EMBEDDED_MAX_CONNECTIONS}`);
      await server.stop();
      await server.start();
      return await BenchServer.at(server.url('postgres'), remove);
    } catch (error) {
      await remove();
      throw error;
    }
  }

  private static async at(url: string, remove: () => Promise<void>): Promise<BenchServer> {
    const client = await connect(url);
    try {
      const { rows } = await client.query<{ pid: number; version: string; free: number }>(
        `select pg_backend_pid() as pid, current_setting('server_version') as version,
                current_setting('max_connections')::integer - (select count(*)::integer from pg_stat_activity) as free`,
      );
      const { pid, version, free } = rows[0]!;
      // Looked up while this connection, and so its backend, is there.
      return new BenchServer(url, postmasterOf(pid), version, Math.max(1, free - SPARE_CONNECTIONS), remove);
    } finally {
      await client.end();
    }
  }

  /** A new database with the schema that the app's own migrations make. */
  async createDatabase(purpose: string): Promise<BenchDatabase> {
    const name = `holdfast_bench_${purpose}_${randomBytes(6).toString('hex')}`;
    await execute(this.adminUrl, `create database ${name}`);
    const url = new URL(this.adminUrl);
    url.pathname = `/${name}`;
    const drop = () => execute(this.adminUrl, `drop database if exists ${name} with (force)`);
    try {
      return await BenchDatabase.open(url.href, drop);
    } catch (error) {
      await drop();
      throw error;
    }
  }

  /** Stops and removes the server if it was started here. */
  async stop(): Promise<void> {
    await this.remove();
  }
}

async function execute(url: string, statement: string): Promise<void> {
  const client = await connect(url);
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function connect(url: string): Promise<Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'bench' });
  client.on('error', () => {});
  await client.connect();
  return client;
}
