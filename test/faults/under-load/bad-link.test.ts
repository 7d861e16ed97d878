import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../../bench/statistics.js';
import { TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/faults.js';
import { Load } from '../../support/load/load.js';
import { recovery } from '../../support/load/recovery.js';
import { ALL_WELL, say, settle } from '../../support/load/report.js';
import { during, FAULT_TIMEOUT_MS, IS_LONG, Rig } from '../../support/load/rig.js';
import { type CommitFault, PostgresProxy } from '../../support/postgres-proxy.js';
import { SlowLink } from '../../support/slow-link.js';

const DELAY_MS = 200;
const STALL_MS = IS_LONG ? 10_000 : 3_000;
/** Shorter than the stall, so that the server ends what was caught in it. */
const IMPATIENT = { DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: '1000' };

describe('the connection between apps and database, under load', () => {
  let database: TestDatabase;
  let proxy: PostgresProxy;
  let link: SlowLink;
  let rig: Rig;

  beforeAll(async () => {
    database = await TestDatabase.create();
    proxy = await PostgresProxy.start(database.url);
    link = await SlowLink.start(proxy.url);
    rig = await Rig.start(link.url, 2, IMPATIENT);
  });
  afterAll(async () => {
    await rig.end();
    await link.close();
    await proxy.close();
    await database.drop();
  });

  it.each<[string, CommitFault]>([
    ['right after COMMIT was sent', 'sent-and-cut'],
    ['before the answer to COMMIT arrives', 'answered-and-cut'],
    ['before COMMIT arrives', 'dropped'],
  ])(
    'is cut %s: every key was done once',
    async (when, fault) => {
      const events = await rig.eventsForSale();
      const before = proxy.faults;
      Object.assign(proxy, { fault, faultEvery: 5 });
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        await running.progress(50);
        await during({ shortMs: 2_500, longMs: 20_000 });
        await eventually('connections are cut', async () => proxy.faults - before > 10);
        proxy.faultEvery = 0;
        await recovery(running);
      });
      expect(await settle(`${proxy.faults - before} connections cut ${when}`, load, events, database)).toEqual(ALL_WELL);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'stalls: bookings go on by themselves when the link moves again, and every key was done once',
    async () => {
      const events = await rig.eventsForSale();
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        await running.progress(50);
        proxy.goSilent();
        await sleep(STALL_MS);
        proxy.speakAgain();
        await recovery(running);
      });
      expect(await settle(`the link stalls for ${STALL_MS} ms`, load, events, database)).toEqual(ALL_WELL);
      expect(load.recorder.longestGapMs()).toBeGreaterThan(STALL_MS / 2);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'takes 200 ms for each answer: clients wait for several of them, and every key was done once',
    async () => {
      const events = await rig.eventsForSale();
      const load = await Load.during({ apis: rig.apis, events, attemptTimeoutMs: 10_000 }, async (running) => {
        link.delayMs = DELAY_MS;
        const beganAt = performance.now();
        await during({ shortMs: 4_000, longMs: 20_000 });
        await running.progress(10);
        const tookMs = median(running.recorder.successMs(beganAt));
        link.delayMs = 0;
        say(`half of what was asked on the slow link took ${Math.round(tookMs)} ms or less`);
        expect(tookMs).toBeGreaterThan(2 * DELAY_MS);
        await recovery(running);
      });
      expect(await settle(`the link adds ${DELAY_MS} ms to each answer`, load, events, database)).toEqual(ALL_WELL);
    },
    FAULT_TIMEOUT_MS,
  );
});
