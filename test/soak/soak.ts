import { setTimeout as sleep } from 'node:timers/promises';
import { TestDatabase } from '../support/database.js';
import { Load } from '../support/load/load.js';
import { settle } from '../support/load/report.js';
import { Rig } from '../support/load/rig.js';
import { OwnServer } from '../support/own-server.js';
import { headline, judge, lineOf } from './growth.js';
import { type Sample, takeSample } from './samples.js';

const APPS = 2;
const CLIENTS = 16;
/** So that the load leaves the machine some air and the disk some room: a soak is long, not hot. */
const THINK_MS = 100;
const SAMPLES = 60;
const ROUND_MS = 60_000;

/** The same load all the time on two apps and a database of their own, with its history checked each minute. @returns whether all is well */
export async function soak(minutes: number, signal: AbortSignal): Promise<boolean> {
  const server = await OwnServer.start();
  const rig = await Rig.start(server.url, APPS);
  const database = await TestDatabase.open(server.directUrl);
  try {
    return await run(minutes * 60_000, rig, database, signal);
  } finally {
    await rig.end();
    await database.leave();
    await server.remove();
  }
}

async function run(durationMs: number, rig: Rig, database: TestDatabase, signal: AbortSignal): Promise<boolean> {
  const samples: Sample[] = [];
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  let isRight = true;
  console.log(headline());
  for (let round = 1; elapsedMs() < durationMs && !signal.aborted; round++) {
    // New events for each round, so that a round can be checked and forgotten.
    const events = await rig.eventsForSale();
    const roundEnd = Math.min(durationMs, elapsedMs() + ROUND_MS);
    const load = await Load.during({ apis: rig.apis, events, clients: CLIENTS, thinkMs: THINK_MS }, async () => {
      while (elapsedMs() < roundEnd && !signal.aborted) {
        await sleep(durationMs / SAMPLES, undefined, { signal }).catch(() => {});
        const sample = await takeSample(elapsedMs() / 60_000, rig.apps, database);
        samples.push(sample);
        console.log(lineOf(sample));
      }
    });
    const { violations, brokenInvariants, abandoned } = await settle(`round ${round}`, load, events, database);
    if (violations.length + brokenInvariants.length + abandoned + load.failedAttempts === 0) continue;
    isRight = false;
    console.log(JSON.stringify({ violations, brokenInvariants, abandoned, failedAttempts: load.failedAttempts }, null, 2));
  }
  return judge(samples, console.log) && isRight;
}
