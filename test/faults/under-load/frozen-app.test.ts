import { setTimeout as sleep } from 'node:timers/promises';
import { TestDatabase } from '../../support/database.js';
import { backendGone, eventually, freezeHoldingEventLock } from '../../support/faults.js';
import { Load } from '../../support/load/load.js';
import { recovery } from '../../support/load/recovery.js';
import { ALL_WELL, settle } from '../../support/load/report.js';
import { atRandom, FAULT_TIMEOUT_MS, IS_LONG, Rig } from '../../support/load/rig.js';

const FROZEN_MS = IS_LONG ? 15_000 : 3_000;
const TIMES = IS_LONG ? 4 : 2;

describe('an app freezes under load while it holds an event lock (SIGSTOP)', () => {
  let database: TestDatabase;
  let rig: Rig;

  beforeAll(async () => {
    database = await TestDatabase.create();
    // Else the time-out of transactions would free the lock too, only later.
    const variables = { DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: '1000', DATABASE_TRANSACTION_TIMEOUT_MS: '600000' };
    rig = await Rig.start(database.url, 2, variables);
  });
  afterAll(async () => {
    await rig.end();
    await database.drop();
  });

  /** Waits until something was done for the event. */
  async function stepsOf(eventId: string): Promise<void> {
    const sequence = async () =>
      (await database.sql<{ sequence: string }>('select sequence from events where id = $1', [eventId]))[0]!.sequence;
    const before = await sequence();
    await eventually('steps of the event', async () => (await sequence()) !== before);
  }

  it(
    'another app goes on with the locked event and with others, and what the frozen one does when it wakes was done once',
    async () => {
      const events = await rig.eventsForSale();
      const large = events.at(-1)!;
      // A client of the frozen app asks the other one after a second, so most keys run in both.
      const options = { apis: rig.apis, events, attemptTimeoutMs: 1_000 };
      const load = await Load.during(options, async (running) => {
        for (let time = 0; time < TIMES; time++) {
          await running.progress(20);
          await atRandom();
          const app = rig.apps[time % 2]!;
          const { pid, eventId } = await freezeHoldingEventLock(database, app);
          const frozenAt = performance.now();
          await backendGone(database, pid);
          await recovery(running);
          await stepsOf(eventId);
          await stepsOf(large.eventId);
          await sleep(Math.max(0, frozenAt + FROZEN_MS - performance.now()));
          app.child.kill('SIGCONT');
          await recovery(running);
        }
      });
      expect(await settle(`an app with an event lock is frozen for ${FROZEN_MS} ms`, load, events, database)).toEqual(ALL_WELL);
      expect(load.failedAttempts).toBeGreaterThan(0);
    },
    FAULT_TIMEOUT_MS,
  );
});
