import { ADMIN } from '../support/api-keys.js';
import { ApiClient } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { LoadBalancer } from '../support/load-balancer.js';
import { Load } from '../support/load/load.js';
import { ALL_WELL, settle } from '../support/load/report.js';
import { FAULT_TIMEOUT_MS, IS_LONG } from '../support/load/rig.js';
import { AppProcess } from '../support/process.js';
import { WatchedClient } from '../support/watched-client.js';

const SHUTDOWN_TIMEOUT_MS = 30_000;
/** For the end of a process that has decided to end. */
const SLACK_MS = 2_000;
const RESTARTS = IS_LONG ? 8 : 2;

describe('two instances behind a load balancer are replaced one after the other, under load', () => {
  let database: TestDatabase;
  let balancer: LoadBalancer;
  const instances: AppProcess[] = [];

  beforeAll(async () => {
    database = await TestDatabase.create();
    balancer = await LoadBalancer.start();
    await startInstance();
    await startInstance();
  });
  afterAll(async () => {
    for (const instance of instances) await instance.end();
    await balancer.close();
    await database.drop();
  });

  async function startInstance(): Promise<void> {
    const instance = await AppProcess.start({
      DATABASE_URL: database.url,
      SHUTDOWN_DELAY_MS: '500',
      SHUTDOWN_TIMEOUT_MS: `${SHUTDOWN_TIMEOUT_MS}`,
    });
    instances.push(instance);
    balancer.add(instance.api.url);
    await eventually('it gets requests', () => Promise.resolve(balancer.sendsTo(instance.api.url)));
  }

  it(
    'no request fails for a client that repeats 503 and lost connections, and nothing is done without an answer',
    async () => {
      // The answer to what was done already: the first one was lost.
      const replays: string[] = [];
      const api = new WatchedClient(new ApiClient(balancer.url, ADMIN.key), ({ headers, body }) => {
        if (headers.get('idempotent-replayed') !== null) replays.push(body.id);
      });
      const events = [await eventOnSale(api, [100_000])];
      const patient = { attemptTimeoutMs: 30_000, giveUpChance: 0, repeatChance: 0 };
      const load = await Load.during({ apis: () => [api], events, clients: 16, ...patient }, async (running) => {
        for (let restart = 0; restart < RESTARTS; restart++) {
          await running.progress(100);
          const leaving = instances.shift()!;
          const beganAt = performance.now();
          const ended = leaving.end('SIGTERM');
          await eventually('the load balancer has noticed', () => Promise.resolve(!balancer.sendsTo(leaving.api.url)));
          expect(await ended).toBe(0);
          expect(performance.now() - beganAt).toBeLessThan(SHUTDOWN_TIMEOUT_MS + SLACK_MS);
          balancer.remove(leaving.api.url);
          await startInstance();
        }
        await running.progress(100);
      });
      expect(await settle(`${RESTARTS} rolling restarts`, load, events, database)).toEqual(ALL_WELL);
      expect(replays).toEqual([]);
    },
    FAULT_TIMEOUT_MS,
  );
});
