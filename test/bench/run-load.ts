import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cpuSecondsOf, cpuSecondsOfServer } from './cpu.js';
import type { Load, LoadMessage, LoadResult } from './loads.js';

const PROCESS = fileURLToPath(new URL('load-process.ts', import.meta.url));
export const TYPESCRIPT = ['--import', new URL('typescript.mjs', import.meta.url).href];

export interface Watched {
  /** Processes that are measured along. */
  pids: readonly number[];
  postmaster: number | null;
}

/** What a load saw, with the CPU time that others spent in its window: seconds per second, null where it cannot be read. */
export interface Measured extends LoadResult {
  watchedCpu: number | null;
  databaseCpu: number | null;
}

/**
 * Runs the load in a process of its own.
 * @throws Error when the load fails; the signal's reason when it is aborted, after the process has ended
 */
export async function runLoad(load: Load, watched: Watched, signal: AbortSignal): Promise<Measured> {
  signal.throwIfAborted();
  const child = fork(PROCESS, { execArgv: TYPESCRIPT, serialization: 'advanced' });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  const read = () => [cpuSecondsOf(watched.pids), cpuSecondsOfServer(watched.postmaster)] as const;
  let before = read();
  let after = before;
  try {
    const result = await new Promise<LoadResult>((resolve, reject) => {
      child.on('message', (message: LoadMessage) => {
        if (message.type === 'window-open') before = read();
        if (message.type === 'window-closed') after = read();
        if (message.type === 'result') resolve(message.result);
        if (message.type === 'failed') reject(new Error(message.message));
      });
      child.once('error', reject);
      void ended.then((code) => reject(new Error(`The process of the load ended with ${code}`)));
      child.send(load);
    });
    const perSecond = (index: 0 | 1) =>
      before[index] === null || after[index] === null ? null : (after[index] - before[index]) / result.seconds;
    return { ...result, watchedCpu: perSecond(0), databaseCpu: perSecond(1) };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
    await ended;
  }
}
