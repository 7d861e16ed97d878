import { randomUUID } from 'node:crypto';
import { ApiClient } from '../support/client.js';
import type { AppProcess } from '../support/process.js';
import { type Bench, brokenInvariants, measure, PAST_ORDERS, windowOf, withProcesses } from './bench.js';
import type { Target } from './bookings.js';
import type { EventsToMake } from './database.js';
import type { HttpLoad, SqlLoad } from './loads.js';
import { authorizationFor, startApp, startTrivialServer } from './processes.js';
import { errorCount, type Floor, measurementOf, ratioOf, type ScenarioResult } from './results.js';
import type { Measured } from './run-load.js';

/** How far the size of the answers that a floor stores may be from the real one. */
const ANSWER_SIZE_TOLERANCE = 0.05;

export interface ThroughputScenario {
  title: string;
  events: EventsToMake;
  script: HttpLoad['script'];
  expected: number[];
  floors: readonly Floor[];
  pastOrders?: number;
  /** App processes; one unless said otherwise. */
  processes?: number;
  /** Brings the app into the state that is measured. @returns what the load needs to know of it */
  prepare?: (prepared: {
    bench: Bench;
    app: AppProcess;
    api: ApiClient;
    targets: Target[];
  }) => Promise<Partial<Pick<HttpLoad, 'keyPrefix' | 'repeated'>>>;
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
  const pastOrders = scenario.pastOrders ?? PAST_ORDERS;
  const hasSqlFloor = scenario.floors.some((floor) => floor !== 'trivial');
  const targets = await bench.database.refill(pastOrders, scenario.events, bench.signal);
  const floorTargets = hasSqlFloor ? await bench.floorDatabase.refill(pastOrders, scenario.events, bench.signal) : [];
  const starts = Array.from({ length: scenario.processes ?? 1 }, () => () => startApp(bench.database.url));
  const hasTrivial = scenario.floors.includes('trivial');
  return withProcesses([...(hasTrivial ? [startTrivialServer] : []), ...starts], async (...processes) => {
    const [trivial, apps] = hasTrivial ? [processes[0], processes.slice(1)] : [undefined, processes];
    const api = new ApiClient(apps[0]!.api.url);
    const prepared = await scenario.prepare?.({ bench, app: apps[0]!, api, targets });
    const before = { app: await bench.database.rowCounts(), floor: await bench.floorDatabase.rowCounts() };
    const sqlConnections = Math.min(connections, bench.server.connectionsMax);
    const rounds: Record<Floor | 'app', Measured[]> = { textbook: [], function: [], trivial: [], app: [] };
    const http = (servers: AppProcess[]): Omit<HttpLoad, 'window' | 'script' | 'expected'> => ({
      kind: 'http',
      urls: servers.map(({ api: { url } }) => url),
      headers: authorizationFor(apps[0]!),
      connections,
      targets,
      keyPrefix: randomUUID(),
      ...prepared,
    });
    const run = async (contestant: Floor | 'app', round: number): Promise<Measured> => {
      const window = windowOf(bench, round);
      if (contestant === 'app') {
        const { script, expected } = scenario;
        return measure(bench, { ...http(apps), window, script, expected }, apps);
      }
      if (contestant === 'trivial') {
        return measure(bench, { ...http([trivial!]), window, script: 'book', expected: [201] }, [trivial!]);
      }
      const load: Omit<SqlLoad, 'window'> = {
        kind: contestant,
        databaseUrl: bench.floorDatabase.url,
        connections: sqlConnections,
        targets: floorTargets,
        keyPrefix: randomUUID(),
      };
      return measure(bench, { ...load, window }, []);
    };
    for (let round = 0; round < bench.rounds; round++) {
      for (const contestant of [...scenario.floors, 'app'] as const) {
        const measured = await run(contestant, round);
        rounds[contestant].push(measured);
        bench.log(`  ${contestant}: ${Math.round(measured.latenciesMs.length / measured.seconds)}/s`);
      }
    }
    const result = resultOf(name, connections, scenario, rounds);
    if (hasSqlFloor && sqlConnections < connections) {
      result.notes.push(`textbook and function: ${sqlConnections} connections, which is what the server has for them`);
    }
    result.complaints.push(
      ...(await brokenInvariants(bench.database, 'app')),
      ...(await checkRows(bench, scenario, before, rounds)),
      ...(hasSqlFloor ? await checkFloor(bench, targets, floorTargets) : []),
    );
    return result;
  });
}

function resultOf(
  name: string,
  connections: number,
  scenario: ThroughputScenario,
  rounds: Record<Floor | 'app', Measured[]>,
): ScenarioResult {
  const app = measurementOf(rounds.app);
  const floors = Object.fromEntries(scenario.floors.map((floor) => [floor, measurementOf(rounds[floor])] as const));
  const ratios = Object.fromEntries(Object.entries(floors).map(([floor, measurement]) => [floor, ratioOf(app, measurement)]));
  const failures = Object.entries({ app, ...floors }).filter(([, measurement]) => errorCount(measurement) > 0);
  const complaints = failures.map(([who, { errors }]) => `${who}: ${JSON.stringify(errors)}`);
  return { name, title: scenario.title, connections, app, floors, ratios, complaints, notes: [] };
}

/** What was acknowledged is in the tables, no more and no less; and a booking of the floors leaves the same rows as the app's. */
async function checkRows(
  bench: Bench,
  scenario: ThroughputScenario,
  before: { app: Record<string, number>; floor: Record<string, number> },
  rounds: Record<Floor | 'app', Measured[]>,
): Promise<string[]> {
  const sum = (measured: readonly Measured[], status: string) =>
    measured.reduce((total, { answers }) => total + (answers[status] ?? 0), 0);
  const growth = (after: Record<string, number>, base: Record<string, number>) =>
    Object.entries(after).map(([table, count]) => [table, count - (base[table] ?? 0)] as const);
  const app = growth(await bench.database.rowCounts(), before.app);
  const booked = scenario.script === 'repeat' ? 0 : sum(rounds.app, '201');
  const orders = new Map(app).get('orders');
  const complaints = orders === booked ? [] : [`app: ${booked} bookings acknowledged, ${orders} orders in the database`];
  const committed = sum([...rounds.textbook, ...rounds.function], 'committed');
  if (committed === 0 || booked === 0) return complaints;
  const perBooking = (rows: ReadonlyArray<readonly [string, number]>, bookings: number) =>
    rows
      .filter(([, count]) => count !== 0)
      .map(([table, count]) => `${count / bookings} ${table}`)
      .toSorted()
      .join(', ');
  const ofApp = perBooking(app, booked);
  const ofFloor = perBooking(growth(await bench.floorDatabase.rowCounts(), before.floor), committed);
  if (ofApp !== ofFloor) complaints.push(`rows per booking: ${ofApp} of the app, ${ofFloor} of the floors`);
  return complaints;
}

async function checkFloor(bench: Bench, targets: Target[], floorTargets: Target[]): Promise<string[]> {
  const complaints = await brokenInvariants(bench.floorDatabase, 'floor');
  const [app, floor] = [
    await bench.database.averageAnswerBytes(targets),
    await bench.floorDatabase.averageAnswerBytes(floorTargets),
  ];
  if (Math.abs(floor / app - 1) > ANSWER_SIZE_TOLERANCE) {
    complaints.push(`stored answers: ${Math.round(app)} bytes of the app, ${Math.round(floor)} bytes of the floors`);
  }
  return complaints;
}
