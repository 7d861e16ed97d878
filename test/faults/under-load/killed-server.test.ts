import { setTimeout as sleep } from 'node:timers/promises';
import { TestDatabase } from '../../support/database.js';
import { Load } from '../../support/load/load.js';
import { recovery } from '../../support/load/recovery.js';
import { ALL_WELL, settle } from '../../support/load/report.js';
import { atRandom, during, FAULT_TIMEOUT_MS, IS_LONG, Rig } from '../../support/load/rig.js';
import type { EventForSale } from '../../support/load/shoppers.js';
import { OwnServer } from '../../support/own-server.js';

const CRASHES = IS_LONG ? 5 : 2;
/** Long enough for the apps to have stopped asking all the time. */
const DOWN = { shortMs: 0, longMs: 10_000 };

describe('the server of the database crashes under load', () => {
  let server: OwnServer;
  let rig: Rig;
  let events: EventForSale[];

  beforeAll(async () => {
    server = await OwnServer.start();
    rig = await Rig.start(server.url, 2);
  });
  beforeEach(async () => {
    events = await rig.eventsForSale();
  });
  afterAll(async () => {
    await rig.end();
    await server.remove();
  });

  it.each<[string, () => Promise<void>]>([
    [
      'kill -9 of the postmaster',
      async () => {
        server.killPostmaster();
        await sleep(200);
      },
    ],
    ['an immediate stop', () => server.crash()],
    ['a fast stop', () => server.stop()],
  ])(
    '%s, and a start: the apps go on by themselves, what was acknowledged is there, and every key was done once',
    async (name, crash) => {
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        for (let number = 0; number < CRASHES; number++) {
          await running.progress(20);
          await atRandom();
          await crash();
          await during(DOWN);
          await server.startAgain();
          await recovery(running);
        }
      });
      const database = await TestDatabase.open(server.directUrl);
      expect(await settle(`${name} of the database`, load, events, database)).toEqual(ALL_WELL);
      await database.leave();
      expect(load.failedAttempts).toBeGreaterThan(0);
    },
    FAULT_TIMEOUT_MS,
  );
});
