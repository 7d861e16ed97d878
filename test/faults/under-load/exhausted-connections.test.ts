import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/faults.js';
import { Load } from '../../support/load/load.js';
import { recovery } from '../../support/load/recovery.js';
import { ALL_WELL, settle } from '../../support/load/report.js';
import { during, FAULT_TIMEOUT_MS, Rig } from '../../support/load/rig.js';
import { OwnServer } from '../../support/own-server.js';

const MAX_CONNECTIONS = '40';
const TOO_MANY_CONNECTIONS = '53300';

describe('others take all connections of the database server, under load', () => {
  let server: OwnServer;
  let rig: Rig;
  let database: TestDatabase;

  beforeAll(async () => {
    server = await OwnServer.start({ max_connections: MAX_CONNECTIONS });
    rig = await Rig.start(server.url, 2);
    database = await TestDatabase.open(server.directUrl);
  });
  afterAll(async () => {
    await rig.end();
    await database.leave();
    await server.remove();
  });

  /** Takes every connection that there is, also those that the apps lose, again and again. @returns what gives them back */
  function takeAllConnections(): () => Promise<void> {
    const taken: Client[] = [];
    const over = new AbortController();
    const taking = (async () => {
      while (!over.signal.aborted) {
        try {
          taken.push(await database.connect());
        } catch (error) {
          if ((error as { code?: string }).code !== TOO_MANY_CONNECTIONS) throw error;
          await database.sql(
            `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'holdfast'`,
          );
          await sleep(5);
        }
      }
    })();
    return async () => {
      over.abort();
      await taking;
      await Promise.all(taken.map((client) => client.end()));
    };
  }

  it(
    'the apps have none left: 503, then they go on by themselves, and every key was done once',
    async () => {
      const events = await rig.eventsForSale();
      const load = await Load.during({ apis: rig.apis, events }, async (running) => {
        await running.progress(20);
        const giveBack = takeAllConnections();
        try {
          const failed = running.failedAttempts;
          await eventually('clients are refused', () => Promise.resolve(running.failedAttempts > failed + 20));
          const refused = await eventually('a read is refused', async () => {
            const reply = await rig.apps[0]!.api.get('/v1/orders');
            return reply.status !== 200 && reply;
          });
          expect(refused).toMatchObject({
            status: 503,
            body: { code: expect.stringMatching(/^(database-unavailable|overloaded)$/) },
          });
          expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
          await during({ shortMs: 1_000, longMs: 10_000 });
        } finally {
          await giveBack();
        }
        await recovery(running);
      });
      expect(await settle(`max_connections (${MAX_CONNECTIONS}) exhausted`, load, events, database)).toEqual(ALL_WELL);
    },
    FAULT_TIMEOUT_MS,
  );
});
