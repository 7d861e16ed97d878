import { PurgeIdempotencyKeysJob } from '../../src/platform/idempotency/purge-idempotency-keys.job.js';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';

describe('the purge of old keys', () => {
  let running: TestApp;

  const insertKeys = (count: number, age: string, prefix: string) =>
    running.database.sql(
      `insert into idempotency_keys (caller, key, fingerprint, status, body, created_at)
       select 'tester', $3 || number, repeat('0', 64), 201, '{}', now() - $2::interval from generate_series(1, $1) number`,
      [count, age, prefix],
    );
  const keys = async (): Promise<string[]> =>
    (await running.database.sql<{ key: string }>('select key from idempotency_keys order by key')).map(({ key }) => key);

  beforeAll(async () => {
    running = await startApp({ IDEMPOTENCY_RETENTION_HOURS: '30' });
    await running.database.sql('create table deletions (count integer)');
    await running.database.sql(
      `create function note() returns trigger language plpgsql as
       $$ begin insert into deletions select count(*) from gone; return null; end $$`,
    );
    await running.database.sql(
      `create trigger note after delete on idempotency_keys referencing old table as gone for each statement execute function note()`,
    );
  });
  afterAll(() => running.close());

  it('deletes in batches of 1000 what is older than IDEMPOTENCY_RETENTION_HOURS, and nothing else', async () => {
    const { api, app, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await api.book(eventId, { [ticketTypeId]: 1 }, { key: 'fresh' });
    await insertKeys(2_500, '30 hours 1 second', 'old');
    await insertKeys(3, '29 hours 59 minutes', 'young');

    const job = app.get(PurgeIdempotencyKeysJob, { strict: false });
    expect(await job.runOnce()).toBe(2_500);
    expect(await keys()).toEqual(['fresh', 'young1', 'young2', 'young3']);
    expect((await database.sql<{ count: number }>('select count from deletions')).map(({ count }) => count)).toEqual([
      1_000, 1_000, 500,
    ]);
    expect(await job.runOnce()).toBe(0);

    const again = await api.book(eventId, { [ticketTypeId]: 1 }, { key: 'fresh' });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('leaves the keys that another instance is purging to it', async () => {
    await insertKeys(10, '31 hours', 'shared');
    const other = await running.database.connect();
    await other.query('begin');
    await other.query(`select 1 from idempotency_keys where key in ('shared1', 'shared2') for update`);
    expect(await running.app.get(PurgeIdempotencyKeysJob, { strict: false }).runOnce()).toBe(8);
    await other.query('rollback');
    await other.end();
  });

  it('a purged key is free: the same request works anew', async () => {
    const { api, app, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
    const first = await api.book(eventId, { [ticketTypeId]: 1 }, { key: 'ages' });
    await database.sql(`update idempotency_keys set created_at = now() - interval '2 days' where key = 'ages'`);
    await app.get(PurgeIdempotencyKeysJob, { strict: false }).runOnce();
    const next = await api.book(eventId, { [ticketTypeId]: 1 }, { key: 'ages' });
    expect([next.status, next.headers.get('idempotent-replayed')]).toEqual([201, null]);
    expect(next.body.id).not.toBe(first.body.id);
  });
});
