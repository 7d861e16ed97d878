import { TestDatabase } from '../../support/database.js';
import { Load } from '../../support/load/load.js';
import { recovery } from '../../support/load/recovery.js';
import { ALL_WELL, settle } from '../../support/load/report.js';
import { atRandom, FAULT_TIMEOUT_MS, IS_LONG, Rig } from '../../support/load/rig.js';
import type { EventForSale } from '../../support/load/shoppers.js';

const KILLS = IS_LONG ? 15 : 2;

describe('apps are killed under load (kill -9)', () => {
  let database: TestDatabase;
  let rig: Rig;
  let events: EventForSale[];

  beforeAll(async () => {
    database = await TestDatabase.create();
    rig = await Rig.start(database.url, 2);
  });
  beforeEach(async () => {
    events = await rig.eventsForSale();
  });
  afterAll(async () => {
    await rig.end();
    await database.drop();
  });

  it(
    'one of two, again and again: what was acknowledged is there, and every key was done once',
    async () => {
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        for (let kill = 0; kill < KILLS; kill++) {
          await running.progress(20);
          await atRandom();
          await rig.kill(kill % 2);
          await atRandom();
          await rig.startAgain(kill % 2);
        }
        await running.progress(20);
      });
      expect(await settle('kill -9 of one of two apps', load, events, database)).toEqual(ALL_WELL);
      expect(load.failedAttempts).toBeGreaterThan(0);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'both at once: what was acknowledged is there, and every key was done once',
    async () => {
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        for (let kill = 0; kill < KILLS; kill++) {
          await running.progress(20);
          await atRandom();
          await Promise.all([rig.kill(0), rig.kill(1)]);
          await Promise.all([rig.startAgain(0), rig.startAgain(1)]);
          await recovery(running);
        }
      });
      expect(await settle('kill -9 of both apps', load, events, database)).toEqual(ALL_WELL);
      expect(load.failedAttempts).toBeGreaterThan(0);
    },
    FAULT_TIMEOUT_MS,
  );
});
