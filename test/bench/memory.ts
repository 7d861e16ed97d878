import { randomUUID } from 'node:crypto';
import { type Bench, measure, PAST_ORDERS, withProcesses } from './bench.js';
import { checkAcknowledged, checkInvariants, countOf } from './checks.js';
import { residentMiB } from './cpu.js';
import { authorizationFor, startApp } from './processes.js';
import { errorsOf, type Measurement, measurementOf } from './results.js';
import { median } from './statistics.js';

const CONNECTIONS = 256;
const SECONDS = 60;
const SAMPLE_MS = 1_000;
/** The share of the samples at the start that is warm-up, and the share after it that the last ones are compared with. */
const PART = 1 / 6;

export interface MemoryResult {
  title: string;
  app: Measurement;
  /** Resident memory of the app each second, in MiB; empty where it cannot be read. */
  samplesMiB: number[];
  /** Medians of the sixth of the time after the warm-up, and of the last sixth. */
  earlyMiB: number;
  lateMiB: number;
  largestMiB: number;
  complaints: string[];
}

/** One event under full load for a minute, and what memory the app takes meanwhile. */
export async function runMemory(bench: Bench): Promise<MemoryResult> {
  const { database, signal } = bench;
  const targets = await database.refill(PAST_ORDERS, { count: 1 }, signal);
  return withProcesses([() => startApp(database.url)], async (app) => {
    const before = await database.rowCounts();
    const samplesMiB: number[] = [];
    const timer = setInterval(() => {
      const size = residentMiB(app.child.pid!);
      if (size !== null) samplesMiB.push(size);
    }, SAMPLE_MS);
    try {
      const load = {
        kind: 'http' as const,
        urls: [app.api.url],
        headers: authorizationFor(app),
        connections: CONNECTIONS,
        targets,
        keyPrefix: randomUUID(),
        script: 'book' as const,
        expected: [201],
        window: { warmUpMs: 0, measureMs: SECONDS * 1000 },
      };
      const measured = await measure(bench, load, [app]);
      const measurement = measurementOf([measured]);
      const part = Math.floor(samplesMiB.length * PART);
      return {
        title: `${SECONDS} s of bookings of one event, ${CONNECTIONS} connections`,
        app: measurement,
        samplesMiB,
        earlyMiB: median(samplesMiB.slice(part, 2 * part)),
        lateMiB: median(samplesMiB.slice(-part)),
        largestMiB: Math.max(...samplesMiB),
        complaints: [
          ...errorsOf(measurement, 'app'),
          ...checkAcknowledged(countOf([measured], '201'), before, await database.rowCounts(), 'app'),
          ...(await checkInvariants(database, 'app')),
        ],
      };
    } finally {
      clearInterval(timer);
    }
  });
}
