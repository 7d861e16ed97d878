import { setTimeout as sleep } from 'node:timers/promises';
import { TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/faults.js';
import { successOf } from '../../support/history/requests.js';
import { Load } from '../../support/load/load.js';
import { recovery } from '../../support/load/recovery.js';
import { ALL_WELL, settle } from '../../support/load/report.js';
import { atRandom, FAULT_TIMEOUT_MS, IS_LONG, Rig } from '../../support/load/rig.js';
import { OwnServer } from '../../support/own-server.js';
import { Replica } from '../../support/replica.js';
import { killServer } from '../../support/server-processes.js';

/** As `synchronous_standby_names` knows it. */
const STANDBY = 's1';
const STANDBY_DEAD_MS = IS_LONG ? 15_000 : 2_500;
const IMPATIENT = { attemptTimeoutMs: 800 };
/** That come when it is dead, each with a booking first. */
const NEWCOMERS = 10;

let primary: OwnServer;
let standby: Replica;
let rig: Rig;

async function startPair(): Promise<void> {
  primary = await OwnServer.start();
  standby = await Replica.start(primary.directUrl, STANDBY);
  await standby.catchUp(primary.directUrl);
  rig = await Rig.start(primary.url, 2);
}

async function removePair(): Promise<void> {
  await rig.end();
  await standby.remove();
  await primary.remove();
}

/** Kills the primary and lets the standby take its place and its address, then waits until bookings go on. */
async function failOver(load: Load, meanwhile: () => void = () => {}): Promise<void> {
  await killServer(primary.dataDirectory);
  meanwhile();
  await standby.promote();
  await primary.leadTo(standby.server);
  await recovery(load);
}

async function using<T>(url: string, work: (database: TestDatabase) => Promise<T>): Promise<T> {
  const database = await TestDatabase.open(url);
  try {
    return await work(database);
  } finally {
    await database.leave();
  }
}

describe('a database server with a synchronous standby, under load', () => {
  beforeAll(async () => {
    await startPair();
    await using(primary.directUrl, async (database) => {
      await database.sql(`alter system set synchronous_standby_names = 'FIRST 1 (${STANDBY})'`);
      await database.sql('select pg_reload_conf()');
    });
  }, FAULT_TIMEOUT_MS);
  afterAll(removePair);

  it(
    'the standby dies: no booking is acknowledged until it is back',
    async () => {
      const events = await rig.eventsForSale();
      const options = { apis: rig.apis, events, ...IMPATIENT };
      let backAt = 0;
      let newcomers!: Load;
      const load = await Load.during(options, async (running) => {
        await running.progress(50);
        await standby.kill();
        const failed = running.failedAttempts;
        newcomers = await Load.during({ ...options, clients: NEWCOMERS }, async (late) => {
          await sleep(STANDBY_DEAD_MS);
          await eventually('all fail', async () => late.failedAttempts > NEWCOMERS && running.failedAttempts > failed + 20);
          backAt = performance.now();
          await standby.startAgain();
          await recovery(running);
        });
      });
      // Of the others, one that was asked before the fault may have been done before it, and be answered after it.
      const asked = newcomers.recorder.calls.filter(({ invokedAt }) => invokedAt < backAt);
      expect(asked.length).toBeGreaterThanOrEqual(NEWCOMERS);
      expect(asked.filter((call) => successOf(call) && call.completedAt! < backAt)).toEqual([]);
      const report = await using(primary.directUrl, (database) =>
        settle('the synchronous standby dies and comes back', load, events, database, [newcomers]),
      );
      expect(report).toEqual(ALL_WELL);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'the primary is killed (kill -9) and the standby promoted: the apps follow, and nothing that was acknowledged is lost',
    async () => {
      const events = await rig.eventsForSale();
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        await running.progress(50);
        await atRandom();
        await failOver(running);
      });
      const report = await using(standby.url, (database) => settle('failover to a synchronous standby', load, events, database));
      expect(report).toEqual(ALL_WELL);
      expect(load.failedAttempts).toBeGreaterThan(0);
    },
    FAULT_TIMEOUT_MS,
  );
});

describe('a database server with an asynchronous standby, under load', () => {
  beforeAll(startPair, FAULT_TIMEOUT_MS);
  afterAll(removePair);

  it(
    'the standby has fallen behind when it is promoted: bookings are lost, and the checker sees it',
    async () => {
      const events = await rig.eventsForSale();
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        await running.progress(50);
        standby.freezeReceiver();
        await running.progress(20);
        await failOver(running, () => standby.killReceiver());
      });
      const { violations } = await using(standby.url, (database) =>
        settle('failover to an asynchronous standby that was behind', load, events, database),
      );
      expect(violations.map(({ rule }) => rule)).toContain('acknowledged-but-missing');
    },
    FAULT_TIMEOUT_MS,
  );
});
