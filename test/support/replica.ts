import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { pg } from '../../src/platform/database/pg-client.js';
import { setting, takeBaseCopy, writeOwned } from './base-copy.js';
import { eventually } from './faults.js';
import { childrenOf, freezeServer, isUp, killServer, postmasterOf, thawServer } from './server-processes.js';

/** A hot standby of a running server of this machine, on the embedded binaries: streams, answers reads, can be promoted. */
export class Replica {
  private constructor(
    private readonly directory: string,
    readonly server: EmbeddedPostgres,
    private readonly database: string,
  ) {}

  /**
   * @param primaryUrl of a superuser; the database that {@link url} names as well
   * @param name its `application_name`, for `synchronous_standby_names`
   */
  static async start(primaryUrl: string, name = 's1'): Promise<Replica> {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-replica-'));
    const primary = new URL(primaryUrl);
    await takeBaseCopy(primaryUrl, directory);
    await follow(directory, primaryUrl, name);
    const replica = new Replica(directory, new EmbeddedPostgres(directory), primary.pathname.slice(1));
    await replica.startAgain();
    return replica;
  }

  get url(): string {
    return this.server.url(this.database);
  }

  async startAgain(): Promise<void> {
    await this.server.start();
    // pg_ctl is content with a standby that does not answer yet.
    await eventually('the standby answers', () => this.ask('select true as yes').catch(() => undefined));
  }

  /** Waits until it has replayed all that the primary has written so far. */
  async catchUp(primaryUrl: string): Promise<void> {
    const { lsn } = await ask<{ lsn: string }>(primaryUrl, 'select pg_current_wal_lsn()::text as lsn');
    await eventually('the standby has caught up', async () => {
      const { done } = await this.ask<{ done: boolean }>(`select pg_last_wal_replay_lsn() >= '${lsn}' as done`);
      return done;
    });
  }

  /** It goes on receiving, and shows nothing of it until {@link resumeReplay}: a replica that lags. */
  async pauseReplay(): Promise<void> {
    await this.ask('select pg_wal_replay_pause()');
    await eventually('the replay is paused', async () => {
      const { state } = await this.ask<{ state: string }>('select pg_get_wal_replay_pause_state() as state');
      return state === 'paused';
    });
  }

  async resumeReplay(): Promise<void> {
    await this.ask('select pg_wal_replay_resume()');
  }

  /** It takes writes from now on, and is nobody's standby. */
  async promote(): Promise<void> {
    // After a crash of its receiver it does not answer at once.
    await eventually('the standby is promoted', () =>
      this.ask<{ done: boolean }>('select pg_promote(true) as done').then(
        ({ done }) => done,
        () => false,
      ),
    );
  }

  /** It dies at once; {@link startAgain} brings it back, at another port. */
  async crash(): Promise<void> {
    await this.server.crash();
  }

  /** It stands still: takes connections and answers nothing, until {@link thaw}. */
  freeze(): void {
    freezeServer(this.data);
  }

  thaw(): void {
    thawServer(this.data);
  }

  /** kill -9 of all its processes; {@link startAgain} as well. */
  async kill(): Promise<void> {
    await killServer(this.data);
  }

  /** The process that receives what the primary has committed: frozen, it falls behind without a sign of it. */
  freezeReceiver(): void {
    process.kill(this.receiver(), 'SIGSTOP');
  }

  /** kill -9 of the receiver, frozen or not. What the network had brought and it had not read is gone. The server restarts, as after any crash of a process. */
  killReceiver(): void {
    process.kill(this.receiver(), 'SIGKILL');
  }

  async remove(): Promise<void> {
    if (isUp(this.data)) await this.server.crash();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private get data(): string {
    return join(this.directory, 'postgres');
  }

  private receiver(): number {
    const found = childrenOf(postmasterOf(this.data)).find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('walreceiver'),
    );
    if (found === undefined) throw new Error('The standby has no walreceiver');
    return found;
  }

  private ask<T>(text: string): Promise<T> {
    return ask<T>(this.url, text);
  }
}

async function follow(directory: string, primaryUrl: string, name: string): Promise<void> {
  const { username, password } = new URL(primaryUrl);
  // Past a proxy that the URL may lead to.
  const { port } = await connected(primaryUrl, async (client) => ({ port: await setting(client, 'port') }));
  const data = join(directory, 'postgres');
  const source = `host=127.0.0.1 port=${port} user=${username} password=${password} application_name=${name}`;
  await writeOwned(data, 'standby.signal', '');
  await writeOwned(data, 'postgresql.auto.conf', `\nprimary_conninfo = '${source}'\n`);
}

async function ask<T>(url: string, text: string): Promise<T> {
  return connected(url, async (client) => (await client.query(text)).rows[0] as T);
}

async function connected<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
