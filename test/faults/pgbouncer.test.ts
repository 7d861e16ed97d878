import { randomUUID } from 'node:crypto';
import { migrate } from '../../src/platform/database/migrations.js';
import { countByStatus, type ApiClient } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { Load } from '../support/load/load.js';
import { recovery } from '../support/load/recovery.js';
import { ALL_WELL, settle } from '../support/load/report.js';
import { MIGRATIONS, quietOrm } from '../support/migrations.js';
import { OwnServer } from '../support/own-server.js';
import { PgBouncer, thereIsPgBouncer } from '../support/pgbouncer.js';
import { AppProcess } from '../support/process.js';

const SERVER_CONNECTIONS = 8;
const CONNECTIONS_OF_APP = 20;

(thereIsPgBouncer ? describe : describe.skip)('two processes behind PgBouncer in transaction mode', () => {
  let server: OwnServer;
  let pooler: PgBouncer;
  let database: TestDatabase;
  const apps: AppProcess[] = [];
  let apis: ApiClient[];

  beforeAll(async () => {
    server = await OwnServer.start();
    pooler = await PgBouncer.start(server.url, SERVER_CONNECTIONS);
    database = await TestDatabase.open(server.url);
    const variables = {
      DATABASE_URL: pooler.url,
      DATABASE_PGBOUNCER: 'true',
      DATABASE_POOL_MAX: `${CONNECTIONS_OF_APP}`,
      LANES_RUNNING_MAX: `${CONNECTIONS_OF_APP}`,
      LOG_LEVEL: 'error',
    };
    for (let count = 0; count < 2; count++) apps.push(await AppProcess.start(variables));
    apis = apps.map(({ api }) => api);
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.end()));
    await database?.leave();
    await pooler?.remove();
    await server?.remove();
  });

  const each = <T>(count: number, ask: (api: ApiClient, index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, index) => ask(apis[index % apis.length]!, index)));

  it('migrations run through it', async () => {
    await database.sql('create database migrated_through_it');
    const url = new URL(pooler.url);
    url.pathname = '/migrated_through_it';
    expect(await migrate(quietOrm(url.href, { DATABASE_PGBOUNCER: 'true' }))).toEqual(MIGRATIONS);
  });

  it('sell every ticket once, of many events at a time, over fewer connections than they have', async () => {
    const events = await each(12, (api) => eventOnSale(api, [20]));
    const replies = await each(480, (api, index) => {
      const { eventId, ticketTypeId } = events[index % events.length]!;
      return api.book(eventId, { [ticketTypeId]: 1 });
    });
    expect(countByStatus(replies)).toEqual({ 201: 240, 409: 240 });
    expect(await database.brokenInvariants()).toEqual([]);
    const [used] = await database.sql<{ connections: number }>(
      `select count(*)::integer as connections from pg_stat_activity where datname = current_database() and application_name = 'holdfast'`,
    );
    expect(used!.connections).toBeLessThanOrEqual(SERVER_CONNECTIONS);
  });

  it('give one key one order', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(apis[0]!, [100]);
    const key = randomUUID();
    const replies = await each(40, (api) => api.book(eventId, { [ticketTypeId]: 1 }, { key }));
    expect(countByStatus(replies)).toEqual({ 201: 40 });
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
  });

  it('leave no setting and no lock on the connections that they share', async () => {
    const pooled = await Promise.all(Array.from({ length: SERVER_CONNECTIONS }, () => TestDatabase.open(pooler.url)));
    try {
      // In a transaction each, so that they have all of them.
      await Promise.all(pooled.map((one) => one.sql('begin')));
      const settings = await Promise.all(
        pooled.map((one) =>
          one.sql(
            `select pg_backend_pid() as pid, current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
                    current_setting('idle_in_transaction_session_timeout') as idle`,
          ),
        ),
      );
      expect(new Set(settings.map(([row]) => row!['pid'])).size).toBe(SERVER_CONNECTIONS);
      expect(
        settings.flat().filter(({ statement, lock, idle }) => [statement, lock, idle].some((value) => value !== '0')),
      ).toEqual([]);
      const locks = `select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;
      expect(await pooled[0]!.sql(locks)).toEqual([]);
    } finally {
      await Promise.all(pooled.map((one) => one.leave()));
    }
  });

  it('go on under load after the server behind it has crashed, and every key was done once', async () => {
    const events = [await eventOnSale(apis[0]!, [100_000])];
    await database.leave();
    const load = await Load.during({ apis: () => apis, events }, async (running) => {
      await running.progress(20);
      await server.crash();
      await server.startAgain();
      await recovery(running);
    });
    database = await TestDatabase.open(server.url);
    expect(await settle('the server behind PgBouncer crashes', load, events, database)).toEqual(ALL_WELL);
  });
});
