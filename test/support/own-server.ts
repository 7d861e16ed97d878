import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ormConfig } from '../../mikro-orm.config.js';
import { readEnvironment } from '../../src/platform/config/environment.js';
import { EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { migrate } from '../../src/platform/database/migrations.js';
import { TestDatabase } from './database.js';
import { PostgresProxy } from './postgres-proxy.js';

const DATABASE = 'holdfast';

/** A PostgreSQL server for one test file, to be broken, with the admin key. Its `url` stays the same over restarts. */
export class OwnServer {
  private constructor(
    private readonly directory: string,
    private readonly server: EmbeddedPostgres,
    private readonly proxy: PostgresProxy,
  ) {}

  static async start(): Promise<OwnServer> {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-fault-'));
    const server = new EmbeddedPostgres(directory);
    await server.start();
    await server.claim(DATABASE);
    const proxy = await PostgresProxy.start(server.url(DATABASE));
    await migrate({ ...ormConfig({ ...readEnvironment({}), DATABASE_URL: server.url(DATABASE) }), logger: () => {} });
    await (await TestDatabase.open(server.url(DATABASE))).leave();
    return new OwnServer(directory, server, proxy);
  }

  get url(): string {
    return this.proxy.url;
  }

  /** The server dies at once, as in a crash. */
  async crash(): Promise<void> {
    await this.server.crash();
    await this.proxy.close();
  }

  /** The server stops in good order; its address refuses connections. */
  async stop(): Promise<void> {
    await this.server.stop();
    await this.proxy.close();
  }

  async startAgain(): Promise<void> {
    await this.server.start();
    await this.proxy.listen(this.server.url(DATABASE));
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
