import type { Measured } from './run-load.js';
import { median, medianOf, percentile } from './statistics.js';

export type Floor = 'textbook' | 'function' | 'trivial';
export const FLOORS: readonly Floor[] = ['textbook', 'function', 'trivial'];

/** One load, summed up. Latencies in milliseconds, CPU in seconds per second (null: cannot be read here). */
export interface Figures {
  perSecond: number;
  p50: number;
  p95: number;
  p99: number;
  loadCpu: number;
  appCpu: number | null;
  databaseCpu: number | null;
}

/** The rounds of one contestant; its figures are the medians of theirs. */
export interface Measurement extends Figures {
  rounds: Figures[];
  /** What should not have happened, with how often it did, in all rounds. */
  errors: Record<string, number>;
}

export interface ScenarioResult {
  name: string;
  title: string;
  connections: number;
  app: Measurement;
  floors: Partial<Record<Floor, Measurement>>;
  /** Throughput of the app over that of the floor: the median over the rounds, in each of which they ran one after the other. */
  ratios: Partial<Record<Floor, number>>;
  /** What the checks after the scenario found: nothing, if all is well. */
  complaints: string[];
  /** In words, what the columns have no place for; `details` has the figures. */
  notes: string[];
  details?: object;
}

export function figuresOf(measured: Measured): Figures {
  const { latenciesMs, seconds } = measured;
  return {
    perSecond: latenciesMs.length / seconds,
    p50: percentile(latenciesMs, 50),
    p95: percentile(latenciesMs, 95),
    p99: percentile(latenciesMs, 99),
    loadCpu: measured.cpuSeconds / seconds,
    appCpu: measured.watchedCpu,
    databaseCpu: measured.databaseCpu,
  };
}

export function measurementOf(rounds: readonly Measured[]): Measurement {
  const figures = rounds.map(figuresOf);
  const of = (name: 'perSecond' | 'p50' | 'p95' | 'p99' | 'loadCpu') => median(figures.map((round) => round[name]));
  const errors: Record<string, number> = {};
  for (const [what, count] of rounds.flatMap((round) => Object.entries(round.errors))) errors[what] = (errors[what] ?? 0) + count;
  return {
    perSecond: of('perSecond'),
    p50: of('p50'),
    p95: of('p95'),
    p99: of('p99'),
    loadCpu: of('loadCpu'),
    appCpu: medianOf(figures.map(({ appCpu }) => appCpu)),
    databaseCpu: medianOf(figures.map(({ databaseCpu }) => databaseCpu)),
    rounds: figures,
    errors,
  };
}

export function ratioOf(app: Measurement, floor: Measurement): number {
  return median(app.rounds.map((round, index) => round.perSecond / floor.rounds[index]!.perSecond));
}

export function errorCount(measurement: Measurement): number {
  return Object.values(measurement.errors).reduce((sum, count) => sum + count, 0);
}

/** A complaint if there were any. */
export function errorsOf(measurement: Measurement, whose: string): string[] {
  return errorCount(measurement) === 0 ? [] : [`${whose}: ${JSON.stringify(measurement.errors)}`];
}
