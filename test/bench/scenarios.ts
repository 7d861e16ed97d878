import { randomUUID } from 'node:crypto';
import type { AppProcess } from '../support/process.js';
import { type Bench, measure } from './bench.js';
import { bookingBody, bookingPath, type Target } from './bookings.js';
import type { HttpLoad } from './loads.js';
import { ON_SALE_TITLE, runOnSale } from './on-sale.js';
import { OTHERS_TITLE, runOthers } from './others.js';
import { authorizationFor } from './processes.js';
import type { ScenarioResult } from './results.js';
import { type Prepared, runThroughput, type ThroughputScenario } from './throughput.js';

export const CONNECTIONS_MAX = 1_000;
/** How long the bookings are made that the replay storm repeats. */
const REPEATED_KEYS_MS = 1_000;

interface Family {
  title: string;
  /** The numbers of connections with which the family is in the table. */
  connections: number[];
  run: (bench: Bench, name: string, connections: number) => Promise<ScenarioResult>;
}

const throughput = (connections: number[], scenario: ThroughputScenario): Family => ({
  title: scenario.title,
  connections,
  run: (bench, name, count) => runThroughput(bench, name, count, scenario),
});

/** As much as one booking may take. */
const SOLD_OUT_CAPACITY = 100;

export const HOT: ThroughputScenario = {
  title: 'bookings of one event',
  events: { count: 1 },
  script: 'book',
  expected: [201],
  floors: ['textbook', 'function', 'trivial'],
};

export const FAMILIES: Readonly<Record<string, Family>> = {
  hot: throughput([1, 32, 64, 256], HOT),
  spread: throughput([64], { ...HOT, title: 'bookings of 1,000 events', events: { count: 1_000 } }),
  'hold-confirm': throughput([64], {
    title: 'a hold, then its confirmation, of one event (requests)',
    events: { count: 1 },
    script: 'hold-and-confirm',
    expected: [200, 201],
    floors: ['trivial'],
  }),
  'sold-out': throughput([64], {
    title: 'bookings of an event that is sold out (409)',
    events: { count: 1, capacity: SOLD_OUT_CAPACITY },
    script: 'book',
    expected: [409],
    floors: ['trivial'],
    prepare: sellOut,
  }),
  replay: throughput([64], {
    title: 'bookings that were made before, same keys (201, Idempotent-Replayed)',
    events: { count: 1 },
    script: 'repeat',
    expected: [201],
    floors: ['trivial'],
    prepare: bookOnce,
  }),
  availability: throughput([64], {
    title: 'reads of the availability of one event',
    events: { count: 1 },
    script: 'availability',
    expected: [200],
    floors: ['trivial'],
  }),
  'on-sale': { title: ON_SALE_TITLE, connections: [256], run: runOnSale },
  others: { title: OTHERS_TITLE, connections: [256], run: runOthers },
};

export const DEFAULT_SCENARIOS = Object.entries(FAMILIES).flatMap(([family, { connections }]) =>
  connections.map((count) => `${family}-${count}`),
);

/** Null when there is no such scenario. */
export function familyOf(name: string): { family: Family; connections: number } | null {
  const [, prefix = '', count] = /^([a-z-]+)-([1-9]\d*)$/.exec(name) ?? [];
  const family = Object.hasOwn(FAMILIES, prefix) ? FAMILIES[prefix] : undefined;
  return family && Number(count) <= CONNECTIONS_MAX ? { family, connections: Number(count) } : null;
}

async function sellOut(app: AppProcess, _bench: Bench, targets: Target[]): Promise<Prepared> {
  const target = targets[0]!;
  const booking = JSON.parse(bookingBody(target, 0)) as { items: Array<{ quantity: number }> };
  booking.items[0]!.quantity = SOLD_OUT_CAPACITY;
  const headers = { ...authorizationFor(app), 'Idempotency-Key': randomUUID() };
  const { status } = await app.api.post(bookingPath(target), booking, headers);
  if (status !== 201) throw new Error(`The event was not sold out: ${status}`);
  return {};
}

/** Makes the bookings that the storm repeats. */
async function bookOnce(app: AppProcess, bench: Bench, targets: Target[]): Promise<Prepared> {
  const load: HttpLoad = {
    kind: 'http',
    urls: [app.api.url],
    headers: authorizationFor(app),
    connections: 1,
    targets,
    keyPrefix: randomUUID(),
    script: 'book',
    expected: [201],
    window: { warmUpMs: 0, measureMs: REPEATED_KEYS_MS },
  };
  const { answers } = await measure(bench, load, [app]);
  return { keyPrefix: load.keyPrefix, repeated: answers['201'] ?? 0 };
}
