import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/faults.js';
import { Load } from '../../support/load/load.js';
import { recovery } from '../../support/load/recovery.js';
import { ALL_WELL, say, settle } from '../../support/load/report.js';
import { during, FAULT_TIMEOUT_MS, IS_LONG, Rig } from '../../support/load/rig.js';
import { OwnServer } from '../../support/own-server.js';
import { SmallDisk } from '../../support/small-disk.js';

const DISK_MIB = 200;
const TIMES = IS_LONG ? 5 : 1;
const FILL_BYTES = 1024 * 1024;

const probe = await SmallDisk.make(DISK_MIB);
await probe?.remove();
const title = 'the disk of the database is full';
if (!probe) say(`SKIPPED: ${title}. No tmpfs can be mounted here, not even in a user namespace.`);

(probe ? describe : describe.skip)(title, () => {
  let disk: SmallDisk;
  let server: OwnServer;
  let rig: Rig;

  beforeAll(async () => {
    disk = (await SmallDisk.make(DISK_MIB))!;
    server = await OwnServer.start({ max_wal_size: `'64MB'`, min_wal_size: `'32MB'` }, disk.directory);
    rig = await Rig.start(server.url, 2);
  });
  afterAll(async () => {
    await rig.end();
    await server.stop();
    await disk.remove();
  });

  function fill(file: string): void {
    for (let size = FILL_BYTES; size >= 4096;) {
      try {
        writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size /= 2;
      }
    }
  }

  it(
    'under load, and then has room again: bookings go on, what was acknowledged is there, and every key was done once',
    async () => {
      const events = await rig.eventsForSale();
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        for (let time = 0; time < TIMES; time++) {
          await running.progress(20);
          const file = join(disk.directory, 'full');
          fill(file);
          const failed = running.failedAttempts;
          await eventually('clients are refused', () => Promise.resolve(running.failedAttempts > failed + 20));
          await during({ shortMs: 1_000, longMs: 10_000 });
          rmSync(file);
          // Where the log of changes found no room, the server has gone down; else the apps go on with the connections that they have.
          const hasGoneDown = await server.startAgainIfDown();
          say(`the server ${hasGoneDown ? 'had gone down' : 'had stayed up'}`);
          await recovery(running);
        }
      });
      const database = await TestDatabase.open(server.directUrl);
      expect(await settle('the disk of the database is full', load, events, database)).toEqual(ALL_WELL);
      await database.leave();
    },
    FAULT_TIMEOUT_MS,
  );
});
