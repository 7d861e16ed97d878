import { randomUUID } from 'node:crypto';
import type { AppProcess } from '../support/process.js';
import { type Bench, measure, PAST_ORDERS, windowOf, withProcesses } from './bench.js';
import type { Target } from './bookings.js';
import { checkAcknowledged, checkInvariants, checkSameAnswers, checkSameRows, countOf } from './checks.js';
import type { EventsToMake } from './database.js';
import type { HttpLoad } from './loads.js';
import { authorizationFor, startApp, startTrivialServer } from './processes.js';
import { errorsOf, type Floor, measurementOf, ratioOf, type ScenarioResult } from './results.js';
import type { Measured } from './run-load.js';

export interface ThroughputScenario {
  title: string;
  events: EventsToMake;
  script: HttpLoad['script'];
  expected: number[];
  floors: readonly Floor[];
  /** Brings the app into the state that is measured. @returns what the load needs to know of it */
  prepare?: (app: AppProcess, bench: Bench, targets: Target[]) => Promise<Prepared>;
}

export type Prepared = Partial<Pick<HttpLoad, 'keyPrefix' | 'repeated'>>;

type Contestant = Floor | 'app';
type Rounds = Record<Contestant, Measured[]>;

interface Setting {
  bench: Bench;
  scenario: ThroughputScenario;
  connections: number;
  app: AppProcess;
  trivial: AppProcess | undefined;
  targets: Target[];
  floorTargets: Target[];
  prepared: Prepared;
}

/**
 * Measures the app and the floors by turns: each round begins with the floors and ends with the app, so that what the machine
 * does meanwhile meets them alike. Then looks whether what was acknowledged is what is in the database.
 */
export async function runThroughput(
  bench: Bench,
  name: string,
  connections: number,
  scenario: ThroughputScenario,
): Promise<ScenarioResult> {
  const { database, floorDatabase, signal } = bench;
  const hasSqlFloor = scenario.floors.some((floor) => floor !== 'trivial');
  const targets = await database.refill(PAST_ORDERS, scenario.events, signal);
  const floorTargets = hasSqlFloor ? await floorDatabase.refill(PAST_ORDERS, scenario.events, signal) : [];
  const starts = [() => startApp(database.url), ...(scenario.floors.includes('trivial') ? [startTrivialServer] : [])];
  return withProcesses(starts, async (app, trivial) => {
    const prepared = (await scenario.prepare?.(app, bench, targets)) ?? {};
    const setting: Setting = { bench, scenario, connections, app: app, trivial, targets, floorTargets, prepared };
    const before = await countRows(bench);
    const rounds = await runRounds(setting);
    const after = await countRows(bench);
    const complaints = await check(setting, rounds, before, after);
    return resultOf(setting, name, rounds, complaints, notesOf(setting, before, after));
  });
}

async function runRounds(setting: Setting): Promise<Rounds> {
  const { bench, scenario } = setting;
  const rounds: Rounds = { textbook: [], function: [], trivial: [], app: [] };
  for (let round = 0; round < bench.rounds; round++) {
    for (const contestant of [...scenario.floors, 'app'] as const) {
      const measured = await run(setting, contestant, round);
      rounds[contestant].push(measured);
      bench.log(`  ${contestant}: ${Math.round(measured.latenciesMs.length / measured.seconds)}/s`);
    }
  }
  return rounds;
}

function run(setting: Setting, contestant: Contestant, round: number): Promise<Measured> {
  const { bench, scenario, connections, app, trivial, targets, floorTargets, prepared } = setting;
  const window = windowOf(bench, round);
  const keyPrefix = randomUUID();
  const http = { kind: 'http', headers: authorizationFor(app), connections, targets, window, keyPrefix } as const;
  switch (contestant) {
    case 'app': {
      const { script, expected } = scenario;
      return measure(bench, { ...http, urls: [app.api.url], script, expected, ...prepared }, [app]);
    }
    case 'trivial':
      return measure(bench, { ...http, urls: [trivial!.api.url], script: 'book', expected: [201] }, [trivial!]);
    case 'textbook':
    case 'function': {
      const sql = { databaseUrl: bench.floorDatabase.url, connections: sqlConnections(setting), targets: floorTargets };
      return measure(bench, { kind: contestant, window, keyPrefix, ...sql }, []);
    }
  }
}

function sqlConnections({ bench, connections }: Setting): number {
  return Math.min(connections, bench.server.connectionsMax);
}

async function countRows({ database, floorDatabase }: Bench) {
  return {
    app: await database.rowCounts(),
    floor: await floorDatabase.rowCounts(),
    updates: await database.counterUpdates(),
  };
}

type Counts = Awaited<ReturnType<typeof countRows>>;

async function check({ bench, scenario, targets, floorTargets }: Setting, rounds: Rounds, before: Counts, after: Counts) {
  const { database, floorDatabase } = bench;
  const booked = scenario.script === 'repeat' ? 0 : countOf(rounds.app, '201');
  const complaints = [...(await checkInvariants(database, 'app')), ...checkAcknowledged(booked, before.app, after.app, 'app')];
  const committed = countOf([...rounds.textbook, ...rounds.function], 'committed');
  if (committed === 0 || booked === 0) return complaints;
  return [
    ...complaints,
    ...(await checkInvariants(floorDatabase, 'floors')),
    ...checkSameRows(
      { before: before.app, after: after.app, booked },
      { before: before.floor, after: after.floor, booked: committed },
    ),
    ...(await checkSameAnswers({ database, targets }, { database: floorDatabase, targets: floorTargets })),
  ];
}

function resultOf(setting: Setting, name: string, rounds: Rounds, complaints: string[], notes: string[]): ScenarioResult {
  const { scenario, connections } = setting;
  const app = measurementOf(rounds.app);
  const floors = Object.fromEntries(scenario.floors.map((floor) => [floor, measurementOf(rounds[floor])] as const));
  const ratios = Object.fromEntries(Object.entries(floors).map(([floor, measurement]) => [floor, ratioOf(app, measurement)]));
  const errors = Object.entries({ app, ...floors }).flatMap(([who, measurement]) => errorsOf(measurement, who));
  return { name, title: scenario.title, connections, app, floors, ratios, complaints: [...errors, ...complaints], notes };
}

function notesOf(setting: Setting, before: Counts, after: Counts): string[] {
  const { scenario, connections } = setting;
  const capped = sqlConnections(setting);
  const updates = after.updates.map((counter, index) => ({
    table: counter.table,
    all: counter.all - before.updates[index]!.all,
    hot: counter.hot - before.updates[index]!.hot,
  }));
  return [
    ...(capped < connections && scenario.floors.includes('textbook')
      ? [`textbook and function: ${capped} connections, which is what the server has left for them`]
      : []),
    ...updates
      .filter(({ all }) => all > 0)
      .map(
        ({ table, all, hot }) => `${table}: ${((100 * hot) / all).toFixed(1)} % of ${all.toLocaleString('en')} updates were HOT`,
      ),
  ];
}
