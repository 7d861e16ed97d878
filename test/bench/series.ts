import { randomUUID } from 'node:crypto';
import type { AppProcess } from '../support/process.js';
import { type Bench, measure, PAST_ORDERS, windowOf, withProcesses } from './bench.js';
import type { Target } from './bookings.js';
import { checkAcknowledged, checkInvariants, countOf, type RowCounts } from './checks.js';
import type { BenchDatabase } from './database.js';
import { type Extent, EXTENTS, startExtendedApp } from './extended-apps.js';
import { authorizationFor, startApp } from './processes.js';
import { errorsOf, type Measurement, measurementOf, ratioOf } from './results.js';
import type { Measured } from './run-load.js';

const CONNECTIONS = 64;

/** How the throughput of bookings grows or shrinks with one thing, all else being equal. */
export interface SeriesResult {
  name: string;
  title: string;
  axis: string;
  points: Array<{
    x: number;
    app: Measurement;
    /** Throughput over that of the first point: the median over the rounds. */
    ratio: number;
  }>;
  complaints: string[];
}

interface Point {
  x: number;
  database: BenchDatabase;
  apps: readonly AppProcess[];
  targets: Target[];
  connections: number;
  /** Waits until what the load left to be done is done, before another point is measured. */
  settle?: () => Promise<void>;
}

type Series = (bench: Bench) => Promise<Omit<SeriesResult, 'name'>>;

export const SERIES: Readonly<Record<string, Series>> = {
  connections: async (bench) => {
    const counts = [1, 2, 4, 8, 16, 32, 64, 128, 256];
    return withAppOn(bench.database, 1, async (apps) => {
      const { database } = bench;
      const targets = await database.refill(PAST_ORDERS, { count: 1 }, bench.signal);
      const points = counts.map((connections) => ({ x: connections, database, apps, targets, connections }));
      return { title: 'bookings of one event', axis: 'connections', ...(await measurePoints(bench, points)) };
    });
  },
  orders: async (bench) => {
    const measured = await withPastOrders(bench, [0, 10_000, 100_000, 1_000_000], []);
    return { title: `bookings of one event, ${CONNECTIONS} connections`, axis: 'orders in the tables', ...measured };
  },
  items: async (bench) =>
    withAppOn(bench.database, 1, async (apps) => {
      const { database } = bench;
      await database.refill(PAST_ORDERS, { count: 0 }, bench.signal);
      const points: Point[] = [];
      for (const x of [1, 5, 20]) {
        const targets = await database.addEvents({ count: 1, ticketTypes: x });
        points.push({ x, database, apps, targets, connections: CONNECTIONS });
      }
      const title = `bookings of one event, ${CONNECTIONS} connections`;
      return { title, axis: 'items per order', ...(await measurePoints(bench, points)) };
    }),
  extensions: async (bench) => {
    const title = `bookings of one event, ${CONNECTIONS} connections`;
    const axis = '0: the core alone; 1: with all modules on top, unused; 2: and a subscriber that every order has';
    return { title, axis, ...(await withExtents(bench, EXTENTS, [])) };
  },
  'processes-hot': (bench) => withProcessCounts(bench, 1, 'bookings of one event'),
  'processes-spread': (bench) => withProcessCounts(bench, 1_000, 'bookings of 1,000 events'),
};

async function withProcessCounts(bench: Bench, events: number, what: string): Promise<Omit<SeriesResult, 'name'>> {
  const { database, signal } = bench;
  return withAppOn(database, 2, async (apps) => {
    const targets = await database.refill(PAST_ORDERS, { count: events }, signal);
    const points = [1, 2].map((x) => ({ x, database, apps: apps.slice(0, x), targets, connections: CONNECTIONS }));
    const title = `${what}, ${CONNECTIONS} connections`;
    return { title, axis: 'app processes', ...(await measurePoints(bench, points)) };
  });
}

/** A database and an app for each number of orders, all of them there at the same time, so that they can be measured by turns. */
async function withPastOrders(bench: Bench, orders: readonly number[], points: Point[]): Promise<MeasuredPoints> {
  const [x, ...others] = orders;
  if (x === undefined) return measurePoints(bench, points);
  bench.log(`  filling in ${x.toLocaleString('en')} orders`);
  const database = await bench.server.createDatabase('series');
  try {
    const targets = await database.refill(x, { count: 1 }, bench.signal);
    return await withAppOn(database, 1, (apps) =>
      withPastOrders(bench, others, [...points, { x, database, apps, targets, connections: CONNECTIONS }]),
    );
  } finally {
    await database.drop();
  }
}

/** A database and an app for each extent, all of them there at the same time, so that they can be measured by turns. */
async function withExtents(bench: Bench, extents: readonly Extent[], points: Point[]): Promise<MeasuredPoints> {
  const [extent, ...others] = extents;
  if (extent === undefined) return measurePoints(bench, points);
  const database = await bench.server.createDatabase(extent);
  try {
    const targets = await database.refill(PAST_ORDERS, { count: 1 }, bench.signal);
    return await withProcesses([() => startExtendedApp(database.url, extent)], (app) => {
      const point = { x: points.length, database, apps: [app], targets, connections: CONNECTIONS };
      return withExtents(bench, others, [...points, { ...point, settle: () => database.untilDelivered() }]);
    });
  } finally {
    await database.drop();
  }
}

function withAppOn<T>(database: BenchDatabase, count: number, work: (apps: AppProcess[]) => Promise<T>): Promise<T> {
  const starts = Array.from({ length: count }, () => () => startApp(database.url));
  return withProcesses(starts, (...apps) => work(apps));
}

type MeasuredPoints = Pick<SeriesResult, 'points' | 'complaints'>;

/** The points by turns, round by round, so that what the machine does meanwhile meets them alike; then the checks. */
async function measurePoints(bench: Bench, points: readonly Point[]): Promise<MeasuredPoints> {
  const databases = [...new Set(points.map(({ database }) => database))];
  const before = new Map<BenchDatabase, RowCounts>();
  for (const database of databases) before.set(database, await database.rowCounts());
  const rounds = new Map<Point, Measured[]>(points.map((point) => [point, []]));
  for (let round = 0; round < bench.rounds; round++) {
    for (const point of points) {
      const measured = await measurePoint(bench, point, round);
      rounds.get(point)!.push(measured);
      await point.settle?.();
      bench.log(`  ${point.x.toLocaleString('en')}: ${Math.round(measured.latenciesMs.length / measured.seconds)}/s`);
    }
  }
  const complaints: string[] = [];
  for (const database of databases) {
    const loads = points.filter((point) => point.database === database).flatMap((point) => rounds.get(point)!);
    const after = await database.rowCounts();
    complaints.push(
      ...checkAcknowledged(countOf(loads, '201'), before.get(database)!, after, 'app'),
      ...(await checkInvariants(database, 'app')),
    );
  }
  const measurements = points.map((point) => ({ x: point.x, app: measurementOf(rounds.get(point)!) }));
  for (const { x, app } of measurements) complaints.push(...errorsOf(app, String(x)));
  const first = measurements[0]!.app;
  return { points: measurements.map((point) => ({ ...point, ratio: ratioOf(point.app, first) })), complaints };
}

function measurePoint(bench: Bench, { apps, targets, connections }: Point, round: number): Promise<Measured> {
  const load = {
    kind: 'http',
    urls: apps.map(({ api: { url } }) => url),
    headers: authorizationFor(apps[0]!),
    connections,
    targets,
    keyPrefix: randomUUID(),
    script: 'book',
    expected: [201],
    window: windowOf(bench, round),
  } as const;
  return measure(bench, { ...load, expected: [201] }, apps);
}
