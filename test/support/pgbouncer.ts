import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, chownSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './faults.js';
import { freePort } from './free-port.js';

/** Of docker-compose.yml: what is tested is the configuration that it writes. */
const START = fileURLToPath(new URL('../../docker/pgbouncer/start.sh', import.meta.url));
const FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/bin'];
const NOBODY = 65_534;

/** It is not an npm package, so it may not be there. */
export const thereIsPgBouncer = FOLDERS.some((folder) => existsSync(join(folder, 'pgbouncer')));

/** PgBouncer in transaction mode before a server of this machine. */
export class PgBouncer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
    readonly url: string,
  ) {}

  /** @param poolSize server connections, however many clients there are */
  static async start(targetUrl: string, poolSize: number): Promise<PgBouncer> {
    const target = new URL(targetUrl);
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-pgbouncer-'));
    const port = await freePort();
    // It refuses to run as root, like PostgreSQL.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(directory, NOBODY, NOBODY);
    const child = spawn('sh', [START], {
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
      cwd: '/',
      stdio: 'ignore',
      env: {
        PATH: FOLDERS.concat('/bin').join(':'),
        TMPDIR: directory,
        DATABASE_HOST: '127.0.0.1',
        DATABASE_PORT: target.port,
        DATABASE_USER: target.username,
        DATABASE_PASSWORD: target.password,
        LISTEN_ADDRESS: '127.0.0.1',
        LISTEN_PORT: String(port),
        POOL_SIZE: String(poolSize),
      },
    });
    await eventually('PgBouncer listens', () => listens(port));
    target.port = String(port);
    return new PgBouncer(child, directory, target.href);
  }

  async remove(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    }).once('error', () => done(false));
  });
}
