import { setTimeout as sleep } from 'node:timers/promises';
import { TestDatabase } from '../../support/database.js';
import { Load } from '../../support/load/load.js';
import { recovery } from '../../support/load/recovery.js';
import { ALL_WELL, settle } from '../../support/load/report.js';
import { FAULT_TIMEOUT_MS, IS_LONG, Rig } from '../../support/load/rig.js';

const DURATION_MS = IS_LONG ? 20_000 : 4_000;

describe('connections are ended by the server under load (pg_terminate_backend)', () => {
  let database: TestDatabase;
  let rig: Rig;

  beforeAll(async () => {
    database = await TestDatabase.create();
    rig = await Rig.start(database.url, 2);
  });
  afterAll(async () => {
    await rig.end();
    await database.drop();
  });

  it(
    'again and again, of random backends: what was acknowledged is there, and every key was done once',
    async () => {
      const events = await rig.eventsForSale();
      let terminated = 0;
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        const end = performance.now() + DURATION_MS;
        while (performance.now() < end || terminated <= 10) {
          await sleep(Math.random() * 100);
          const rows = await database.sql(
            `select pg_terminate_backend(pid)
             from (select pid from pg_stat_activity
                    where datname = current_database() and application_name = 'holdfast' order by random() limit 2) as chosen`,
          );
          terminated += rows.length;
        }
        await recovery(running);
      });
      expect(await settle(`pg_terminate_backend of ${terminated} backends`, load, events, database)).toEqual(ALL_WELL);
    },
    FAULT_TIMEOUT_MS,
  );
});
