import { type Arguments, MEMORY } from './arguments.js';
import type { Bench } from './bench.js';
import { describeMachine } from './machine.js';
import { settingsUnderTest } from './processes.js';
import type { ScenarioResult } from './results.js';
import { familyOf } from './scenarios.js';
import { SERIES, type SeriesResult } from './series.js';
import { runMemory } from './memory.js';
import { BenchServer } from './server.js';
import { markdownOf, type Report } from './report.js';
import { prepareOutput, writeResults } from './output.js';

/** Runs what is wanted, prints and writes the results, and leaves nothing behind. @returns whether every check passed */
export async function runBenchmark(wanted: Arguments, databaseUrl: string | undefined, signal: AbortSignal): Promise<boolean> {
  prepareOutput(wanted.output);
  return withBench(wanted, databaseUrl, signal, async (bench) => {
    const started = new Date();
    const scenarios = await runScenarios(bench, wanted.scenarios);
    const series = await runSeries(bench, wanted.series);
    const memory = wanted.series.includes(MEMORY) ? await runWithLog(bench, MEMORY, () => runMemory(bench)) : null;
    const report: Report = {
      started: started.toISOString(),
      machine: describeMachine(bench.server.version),
      settings: settingsUnderTest(),
      seconds: wanted.seconds,
      rounds: wanted.rounds,
      scenarios,
      series,
      memory,
    };
    console.log(`\n${markdownOf(report)}\n`);
    const files = writeResults(wanted.output, report);
    console.log(`Written to ${wanted.output}: ${files.join(', ')}`);
    return [...scenarios, ...series, ...(memory ? [memory] : [])].every(({ complaints }) => complaints.length === 0);
  });
}

async function runScenarios(bench: Bench, names: readonly string[]): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const name of names) {
    const { family, connections } = familyOf(name)!;
    results.push(await runWithLog(bench, `${name}: ${family.title}`, () => family.run(bench, name, connections)));
  }
  return results;
}

async function runSeries(bench: Bench, names: readonly string[]): Promise<SeriesResult[]> {
  const results: SeriesResult[] = [];
  for (const name of names) {
    const series = SERIES[name];
    if (series) results.push({ name, ...(await runWithLog(bench, `series ${name}`, () => series(bench))) });
  }
  return results;
}

async function runWithLog<T extends { complaints: string[] }>(bench: Bench, what: string, run: () => Promise<T>): Promise<T> {
  bench.signal.throwIfAborted();
  bench.log(what);
  const result = await run();
  for (const complaint of result.complaints) bench.log(`  FAILED ${complaint}`);
  return result;
}

async function withBench<T>(
  { seconds, rounds }: Arguments,
  databaseUrl: string | undefined,
  signal: AbortSignal,
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const server = await BenchServer.start(databaseUrl);
  try {
    signal.throwIfAborted();
    const database = await server.createDatabase('app');
    try {
      signal.throwIfAborted();
      const floorDatabase = await server.createDatabase('floor');
      try {
        return await work({ server, database, floorDatabase, seconds, rounds, signal, log: (line) => console.log(line) });
      } finally {
        await floorDatabase.drop();
      }
    } finally {
      await database.drop();
    }
  } finally {
    await server.stop();
  }
}
