import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import type { Reply } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually, orderIdsOf } from '../support/faults.js';
import { OwnServer } from '../support/own-server.js';

/** The server waits at each commit for a standby that is away, as after its crash. */
describe('the synchronous standby is away', () => {
  let server: OwnServer;
  let database: TestDatabase;
  let running: TestApp;

  beforeAll(async () => {
    server = await OwnServer.start();
    database = await TestDatabase.open(server.url);
    running = await startApp({ DATABASE_URL: server.url, TRANSACTION_RETRIES: '1' }, database);
  });
  afterAll(async () => {
    await standby('');
    await running.close();
    await database.leave();
    await server.remove();
  });

  const standby = async (names: string) => {
    await database.sql(`alter system set synchronous_standby_names = '${names}'`);
    await database.sql('select pg_reload_conf()');
  };
  /** From then on each commit waits for a standby that does not come. */
  async function loseStandby(): Promise<void> {
    await standby('FIRST 1 (away)');
    const client = await database.connect();
    const [row] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
    await eventually('commits wait for the standby', async () => {
      const state = { isDone: false };
      const commit = client.query(`select pg_logical_emit_message(true, 'test', '')`).finally(() => (state.isDone = true));
      let waited = false;
      while (!state.isDone) {
        const found = await database.sql(`select from pg_stat_activity where pid = $1 and wait_event = 'SyncRep'`, [row!.pid]);
        waited ||= found.length > 0;
        if (waited) await database.sql('select pg_cancel_backend($1)', [row!.pid]);
      }
      await commit;
      return waited;
    });
    await client.end();
  }
  const waiting = () =>
    database.sql<{ pid: number }>(
      `select pid from pg_stat_activity where wait_event = 'SyncRep' and application_name = 'holdfast'`,
    );
  /** Ends each wait for the standby, as an operator may, until the request is answered. */
  async function endWaits(how: 'pg_cancel_backend' | 'pg_terminate_backend', request: Promise<Reply>): Promise<number> {
    const state = { isAnswered: false, ended: 0 };
    const answered = request.finally(() => (state.isAnswered = true));
    while (!state.isAnswered) {
      for (const { pid } of await waiting()) {
        await database.sql(`select ${how}($1)`, [pid]);
        state.ended += 1;
      }
    }
    await answered;
    return state.ended;
  }

  it.each(['pg_cancel_backend', 'pg_terminate_backend'] as const)(
    'a commit whose wait was ended by %s is not acknowledged, nor is a repeat, until a standby is there',
    async (how) => {
      const { api } = running;
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const key = randomUUID();
      const book = () => api.book(eventId, { [ticketTypeId]: 1 }, { key });
      await loseStandby();
      const first = book();
      // The commit itself, and the check of the second run that what it finds is on the standby.
      expect(await endWaits(how, first)).toBeGreaterThanOrEqual(2);
      expect(await first).toMatchObject({ status: 503, body: { code: 'database-unavailable' } });
      // It stands on this server, for everybody to see ...
      expect(await orderIdsOf(api, eventId)).toHaveLength(1);
      // ... and is answered to nobody: a repeat waits.
      const repeat = book();
      await eventually('the repeat waits for the standby', async () => (await waiting()).length > 0);
      expect(await endWaits(how, repeat)).toBeGreaterThanOrEqual(1);
      expect(await repeat).toMatchObject({ status: 503, body: { code: 'database-unavailable' } });

      const patient = book();
      await eventually('the repeat waits for the standby', async () => (await waiting()).length > 0);
      await standby('');
      const answer = await patient;
      expect(answer.status).toBe(201);
      expect(answer.headers.get('idempotent-replayed')).toBe('true');
      expect(await orderIdsOf(api, eventId)).toEqual([answer.body.id]);
      expect(await database.brokenInvariants()).toEqual([]);
    },
  );
});
