import { randomUUID } from 'node:crypto';
import { type Bench, measure, PAST_ORDERS, windowOf, withProcesses } from './bench.js';
import { checkAcknowledged, checkInvariants, countOf } from './checks.js';
import type { HttpLoad, SteadyLoad } from './loads.js';
import { authorizationFor, startApp } from './processes.js';
import { errorsOf, type Measurement, measurementOf, type ScenarioResult } from './results.js';
import type { Measured } from './run-load.js';
import { median } from './statistics.js';

const OTHER_EVENTS = 50;
const OTHERS_PER_SECOND = 50;
const REPEATS_MIN = 3;

export const OTHERS_TITLE = `${OTHERS_PER_SECOND} bookings a second of ${OTHER_EVENTS} other events, while one event is hot`;

/** What bookings of other events wait while one event is under load, beside what they wait without it, by turns. */
export async function runOthers(bench: Bench, name: string, connections: number): Promise<ScenarioResult> {
  const { database, signal } = bench;
  const [hotEvent, ...others] = await database.refill(PAST_ORDERS, { count: 1 + OTHER_EVENTS }, signal);
  return withProcesses([() => startApp(database.url)], async (app) => {
    const before = await database.rowCounts();
    const common = { headers: authorizationFor(app), window: windowOf(bench, 0) };
    const steady = (): SteadyLoad => ({
      ...common,
      kind: 'steady',
      url: app.api.url,
      targets: others,
      perSecond: OTHERS_PER_SECOND,
      keyPrefix: randomUUID(),
    });
    const hot = (): HttpLoad => ({
      ...common,
      kind: 'http',
      urls: [app.api.url],
      connections,
      targets: [hotEvent!],
      keyPrefix: randomUUID(),
      script: 'book',
      expected: [201],
    });
    const rounds: Record<'alone' | 'beside' | 'hot', Measured[]> = { alone: [], beside: [], hot: [] };
    for (let repeat = 0; repeat < Math.max(REPEATS_MIN, bench.rounds); repeat++) {
      rounds.alone.push(await measure(bench, steady(), [app]));
      const [beside, ofHot] = await bothOf(measure(bench, steady(), [app]), measure(bench, hot(), [app]));
      rounds.beside.push(beside);
      rounds.hot.push(ofHot);
    }
    const [alone, beside, ofHot] = [measurementOf(rounds.alone), measurementOf(rounds.beside), measurementOf(rounds.hot)];
    const booked = countOf(Object.values(rounds).flat(), '201');
    const complaints = [
      ...Object.entries({ alone, beside, hot: ofHot }).flatMap(([who, measurement]) => errorsOf(measurement, who)),
      ...checkAcknowledged(booked, before, await database.rowCounts(), 'app'),
      ...(await checkInvariants(database, 'app')),
    ];
    const result = { name, title: OTHERS_TITLE, connections, app: beside, floors: {}, ratios: {}, complaints };
    return { ...result, notes: notesOf(alone, beside, ofHot), details: { alone, hot: ofHot } };
  });
}

/** Both, or the first failure once both have ended. */
async function bothOf<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

function notesOf(alone: Measurement, beside: Measurement, hot: Measurement): string[] {
  const percentiles = ({ p50, p95, p99 }: Measurement) => `${p50.toFixed(1)} / ${p95.toFixed(1)} / ${p99.toFixed(1)} ms`;
  const ratio = (name: 'p50' | 'p95' | 'p99') =>
    median(beside.rounds.map((round, index) => round[name] / alone.rounds[index]![name])).toFixed(1);
  return [
    `p50 / p95 / p99 of the others: ${percentiles(alone)} alone, ${percentiles(beside)} beside the hot event (${Math.round(hot.perSecond).toLocaleString('en')} bookings/s); × ${ratio('p50')} / ${ratio('p95')} / ${ratio('p99')}, medians of ${beside.rounds.length}`,
  ];
}
