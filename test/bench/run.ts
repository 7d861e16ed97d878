import type { Arguments } from './arguments.js';
import type { Bench } from './bench.js';
import { describeMachine } from './machine.js';
import { settingsUnderTest } from './processes.js';
import type { ScenarioResult } from './results.js';
import { familyOf } from './scenarios.js';
import { BenchServer } from './server.js';
import { markdownOf } from './report.js';
import { writeResults } from './output.js';

/** Runs what is wanted, prints and writes the results, and leaves nothing behind. @returns whether every check passed */
export async function runBenchmark(wanted: Arguments, databaseUrl: string | undefined, signal: AbortSignal): Promise<boolean> {
  return withBench(wanted, databaseUrl, signal, async (bench) => {
    const started = new Date();
    const scenarios: ScenarioResult[] = [];
    for (const name of wanted.scenarios) {
      signal.throwIfAborted();
      const { family, connections } = familyOf(name)!;
      bench.log(`${name}: ${family.title}`);
      const result = await family.run(bench, name, connections);
      for (const complaint of result.complaints) bench.log(`  FAILED ${complaint}`);
      scenarios.push(result);
    }
    const report = {
      started: started.toISOString(),
      machine: describeMachine(bench.server.version),
      settings: settingsUnderTest(),
      seconds: wanted.seconds,
      rounds: wanted.rounds,
      scenarios,
    };
    console.log(`\n${markdownOf(report)}`);
    writeResults(wanted.output, report);
    console.log(`Written to ${wanted.output}/: results.json, results.md, results.svg`);
    return scenarios.every(({ complaints }) => complaints.length === 0);
  });
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
