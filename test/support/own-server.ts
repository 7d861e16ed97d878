import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ormConfig } from '../../mikro-orm.config.js';
import { readEnvironment } from '../../src/platform/config/environment.js';
import { EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { migrate } from '../../src/platform/database/migrations.js';
import { TestDatabase } from './database.js';
import { eventually } from './faults.js';
import { PostgresProxy } from './postgres-proxy.js';
import { isUp, postmasterOf } from './server-processes.js';
import { pg } from '../../src/platform/database/pg-client.js';

const DATABASE = 'holdfast';

/** A PostgreSQL server for one test file, to be broken, with the admin key. Its `url` stays the same over restarts. */
export class OwnServer {
  private constructor(
    readonly directory: string,
    private readonly server: EmbeddedPostgres,
    private readonly proxy: PostgresProxy,
  ) {}

  /** @param settings of the server that differ from those of the embedded one */
  static async start(
    settings: Record<string, string> = {},
    directory = mkdtempSync(join(tmpdir(), 'holdfast-fault-')),
  ): Promise<OwnServer> {
    const server = new EmbeddedPostgres(directory);
    await server.start();
    if (Object.keys(settings).length > 0) await applySettings(server, settings);
    await server.claim(DATABASE);
    const proxy = await PostgresProxy.start(server.url(DATABASE));
    await migrate({ ...ormConfig({ ...readEnvironment({}), DATABASE_URL: server.url(DATABASE) }), logger: () => {} });
    await (await TestDatabase.open(server.url(DATABASE))).leave();
    return new OwnServer(directory, server, proxy);
  }

  get url(): string {
    return this.proxy.url;
  }

  /** Past the proxy; differs after each start. */
  get directUrl(): string {
    return this.server.url(DATABASE);
  }

  get dataDirectory(): string {
    return join(this.directory, 'postgres');
  }

  /** kill -9 of the postmaster alone; its backends notice sooner or later. The connections through the proxy are left to them. */
  killPostmaster(): void {
    process.kill(postmasterOf(this.dataDirectory), 'SIGKILL');
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
    await this.proxy.close();
    await this.proxy.listen(this.server.url(DATABASE));
  }

  /** Waits until it answers. One that has gone down by itself is started again; one that has not keeps its connections. @returns whether it had */
  async startAgainIfDown(): Promise<boolean> {
    let hasGoneDown = false;
    await eventually('the server answers', async () => {
      if (!isUp(this.dataDirectory)) {
        hasGoneDown = true;
        await this.startAgain();
      }
      return TestDatabase.open(this.directUrl)
        .then((database) => database.leave())
        .then(
          () => true,
          () => false,
        );
    });
    return hasGoneDown;
  }

  /** From now on the address leads to another server, and the connections to this one are cut, as after a failover. */
  async leadTo(other: EmbeddedPostgres): Promise<void> {
    await this.proxy.close();
    await this.proxy.listen(other.url(DATABASE));
  }

  async remove(): Promise<void> {
    // Not in good order, which would wait for a standby that is frozen.
    if (isUp(this.dataDirectory)) await this.server.crash();
    await this.proxy.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function applySettings(server: EmbeddedPostgres, settings: Record<string, string>): Promise<void> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  for (const [name, value] of Object.entries(settings)) await client.query(`alter system set ${name} = ${value}`);
  await client.end();
  await server.stop();
  await server.start();
}
