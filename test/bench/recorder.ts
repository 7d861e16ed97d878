import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadMessage, LoadResult, Window } from './loads.js';

/** Collects what a load sees; only what is answered inside of the window counts for latency and throughput. */
export class Recorder {
  private readonly latencies: number[] = [];
  private readonly answers: Record<string, number> = {};
  private readonly errors: Record<string, number> = {};
  private phase: 'before' | 'open' | 'after' = 'before';
  private openedAt = 0;
  private seconds = 0;
  private cpuSeconds = 0;

  constructor(private readonly say: (message: LoadMessage) => void) {}

  /** No further request is to be sent. */
  get isOver(): boolean {
    return this.phase === 'after';
  }

  open(): void {
    this.phase = 'open';
    this.openedAt = performance.now();
    this.cpuSeconds = -ownCpuSeconds();
    this.say({ type: 'window-open' });
  }

  close(): void {
    this.phase = 'after';
    this.seconds = (performance.now() - this.openedAt) / 1000;
    this.cpuSeconds += ownCpuSeconds();
    this.say({ type: 'window-closed' });
  }

  /** Opens and closes the window in time. */
  async run(window: Window): Promise<void> {
    await sleep(window.warmUpMs);
    this.open();
    await sleep(window.measureMs);
    this.close();
  }

  answer(status: string, latencyMs: number): void {
    this.answers[status] = (this.answers[status] ?? 0) + 1;
    if (this.phase === 'open') this.latencies.push(latencyMs);
  }

  error(what: string, count = 1): void {
    if (count > 0) this.errors[what] = (this.errors[what] ?? 0) + count;
  }

  result(): LoadResult {
    const { seconds, answers, errors, cpuSeconds } = this;
    return { seconds, latenciesMs: Float64Array.from(this.latencies), answers, errors, cpuSeconds };
  }
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
