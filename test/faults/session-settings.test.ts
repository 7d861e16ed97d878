import { MikroORM, type EntityManager } from '@mikro-orm/postgresql';
import { startApp, type TestApp } from '../support/app.js';

const VARIABLES = {
  DATABASE_STATEMENT_TIMEOUT_MS: '11001',
  DATABASE_LOCK_TIMEOUT_MS: '5001',
  DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: '5002',
  DATABASE_CLIENT_CHECK_INTERVAL_MS: '501',
  DATABASE_TRANSACTION_TIMEOUT_MS: '20001',
  DATABASE_POOL_MAX: '1',
};
const ASKED = {
  statement_timeout: '11001ms',
  lock_timeout: '5001ms',
  idle_in_transaction_session_timeout: '5002ms',
  client_connection_check_interval: '501ms',
  transaction_timeout: '20001ms',
};
const NAMES = Object.keys(ASKED);

/** The values of the time-outs that the server knows, on a connection of the app. */
async function timeouts(em: EntityManager): Promise<Record<string, string>> {
  const rows = await em.execute<Array<{ name: string; value: string }>>(
    'select name, current_setting(name) as value from pg_settings where name in (?) order by name',
    [NAMES],
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

/** Only what this server knows: PostgreSQL 16 and earlier have no `transaction_timeout`. */
async function onThisServer(running: TestApp, wanted: Record<string, string>): Promise<Record<string, string>> {
  const [row] = await running.database.sql<{ major: number }>(
    `select current_setting('server_version_num')::integer / 10000 as major`,
  );
  const { transaction_timeout: ofTransaction, ...others } = wanted;
  return row!.major >= 17 ? { ...others, transaction_timeout: ofTransaction! } : others;
}

describe('the time-outs of the server', () => {
  let running: TestApp;

  afterEach(() => running.close());

  it('are set for the session, in and out of transactions', async () => {
    running = await startApp(VARIABLES);
    const { em } = running.app.get(MikroORM);
    const wanted = await onThisServer(running, ASKED);
    expect(await timeouts(em.fork())).toEqual(wanted);
    expect(await em.fork().transactional(timeouts)).toEqual(wanted);
  });

  it('are set inside transactions only where a pooler shares the sessions, and do not leak out of them', async () => {
    running = await startApp({ ...VARIABLES, DATABASE_PGBOUNCER: 'true' });
    const { em } = running.app.get(MikroORM);
    const untouched = await onThisServer(running, Object.fromEntries(NAMES.map((name) => [name, '0'])));
    expect(await timeouts(em.fork())).toEqual(untouched);
    expect(await em.fork().transactional(timeouts)).toEqual(await onThisServer(running, ASKED));
    expect(await timeouts(em.fork())).toEqual(untouched);
    const rolledBack = em.fork().transactional((inner) => inner.execute('select 1 / 0'));
    await expect(rolledBack).rejects.toThrow('division by zero');
    expect(await timeouts(em.fork())).toEqual(untouched);
  });
});
