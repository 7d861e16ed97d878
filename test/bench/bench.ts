import type { AppProcess } from '../support/process.js';
import type { BenchDatabase } from './database.js';
import type { Load, Window } from './loads.js';
import { type Measured, runLoad } from './run-load.js';
import type { BenchServer } from './server.js';

/** Orders of past events that are in the tables before a scenario begins. */
export const PAST_ORDERS = 10_000;
/** A fresh process runs slowly until its code is compiled. */
const FIRST_WARM_UP_MS = 3_000;
const WARM_UP_MS = 1_000;

/** What all scenarios of a run share. */
export interface Bench {
  readonly server: BenchServer;
  /** The app's. */
  readonly database: BenchDatabase;
  /** That of the floors `textbook` and `function`, on the same server. */
  readonly floorDatabase: BenchDatabase;
  /** Length of a measurement. */
  readonly seconds: number;
  readonly rounds: number;
  readonly signal: AbortSignal;
  log(line: string): void;
}

export function windowOf(bench: Bench, round: number): Window {
  const measureMs = bench.seconds * 1000;
  return { warmUpMs: Math.min(measureMs, round === 0 ? FIRST_WARM_UP_MS : WARM_UP_MS), measureMs };
}

/** Runs the load and reads the CPU time of these processes and of the database along with it. */
export function measure(bench: Bench, load: Load, processes: readonly AppProcess[]): Promise<Measured> {
  const pids = processes.map(({ child }) => child.pid!);
  return runLoad(load, { pids, postmaster: bench.server.postmaster }, bench.signal);
}

/** Runs `work` with processes that are ended after it, however it ends. */
export async function withProcesses<T>(
  starts: ReadonlyArray<() => Promise<AppProcess>>,
  work: (...processes: AppProcess[]) => Promise<T>,
): Promise<T> {
  const processes: AppProcess[] = [];
  try {
    for (const start of starts) processes.push(await start());
    return await work(...processes);
  } finally {
    await Promise.all(processes.map((process) => process.end()));
  }
}
