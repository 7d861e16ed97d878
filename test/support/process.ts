import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADMIN } from './api-keys.js';
import { ApiClient } from './client.js';

export const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const START_TIMEOUT_MS = 60_000;

/** The built application as a process of its own, as in production. */
export class AppProcess {
  private constructor(
    readonly child: ChildProcess,
    readonly api: ApiClient,
    private readonly output: () => string,
  ) {}

  /**
   * @param args of Node, when it is to be another server than the app
   * @throws Error with what the process printed when it ends instead of listening
   */
  static async start(variables: Record<string, string>, args: string[] = [MAIN]): Promise<AppProcess> {
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env['PATH'], PORT: '0', LOG_LEVEL: 'warn', SHUTDOWN_TIMEOUT_MS: '30000', ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The app did not start:\n${output}`)), START_TIMEOUT_MS);
      const read = (chunk: Buffer) => {
        output += chunk.toString();
        const match = /API:\s+(\S+)\/v1/.exec(output);
        if (!match) return;
        clearTimeout(timer);
        resolve(match[1]!);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`The app ended with ${code}:\n${output}`));
      });
    });
    const { DATA_DIR } = variables;
    const key = DATA_DIR === undefined ? ADMIN.key : readFileSync(join(DATA_DIR, 'admin-key'), 'utf8').trim();
    return new AppProcess(child, new ApiClient(url, key), () => output);
  }

  get printed(): string {
    return this.output();
  }

  /** Sends the signal and waits for the end. @returns the exit code; null when the signal killed it */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit') as Promise<[number | null]>;
    this.child.kill(signal);
    return (await exited)[0];
  }
}
