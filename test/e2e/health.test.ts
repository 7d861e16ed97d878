import { Readiness } from '../../src/platform/health/readiness.js';
import { insertApiKey } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';

const ALL_WELL = { database: 'ok', schema: 'ok', shutdown: 'ok' };

describe('readiness', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  const ready = (token: string | null) => running.api.as(token).get('/health/ready');
  const asAdmin = () => ready(running.api.token);

  it('tells an admin what was checked, and everybody else only whether it is ready', async () => {
    expect((await asAdmin()).body).toEqual({ status: 'ok', checks: ALL_WELL });
    const others = await insertApiKey(running.database, ['events:write', 'orders:read', 'metrics:read']);
    for (const token of [null, others.key, 'hf_x', 'nonsense']) {
      expect(await ready(token)).toMatchObject({ status: 200, body: {} });
      expect((await ready(token)).body).toEqual({ status: 'ok' });
    }
  });

  async function expectNotReady(checks: Partial<typeof ALL_WELL>): Promise<void> {
    const told = await asAdmin();
    expect(told).toMatchObject({ status: 503, body: { code: 'not-ready', checks: { ...ALL_WELL, ...checks } } });
    expect(told.headers.get('retry-after')).toMatch(/^\d+$/);
    const stranger = await ready(null);
    expect(stranger).toMatchObject({ status: 503, body: { code: 'not-ready' } });
    expect(stranger.body).not.toHaveProperty('checks');
    expect((await running.api.get('/health/live')).status).toBe(200);
  }

  it('fails while the schema is newer, or older, or not there at all', async () => {
    const { database } = running;
    await database.sql(`insert into mikro_orm_migrations (name) values ('Migration20991231000000_from_the_future')`);
    await expectNotReady({ schema: 'newer' });
    await database.sql(`delete from mikro_orm_migrations where name like '%future'`);
    expect((await asAdmin()).status).toBe(200);

    const [last] = await database.sql<{ name: string }>('select name from mikro_orm_migrations order by name desc limit 1');
    await database.sql('delete from mikro_orm_migrations where name = $1', [last!.name]);
    await expectNotReady({ schema: 'older' });
    await database.sql('insert into mikro_orm_migrations (name) values ($1)', [last!.name]);
    expect((await asAdmin()).status).toBe(200);

    for (const [change, schema] of [
      ['- 1', 'older'],
      ['+ 1', 'newer'],
    ] as const) {
      const [{ version } = { version: 0 }] = await database.sql<{ version: number }>('select version from pgboss.version');
      await database.sql(`update pgboss.version set version = version ${change}`);
      await expectNotReady({ schema });
      await database.sql('update pgboss.version set version = $1', [version]);
      expect((await asAdmin()).status).toBe(200);
    }

    await database.sql('alter table mikro_orm_migrations rename to hidden');
    await expectNotReady({ schema: 'older' });
    await database.sql('alter table hidden rename to mikro_orm_migrations');
    expect((await asAdmin()).status).toBe(200);
  });

  it('with SCHEMA_MAY_BE_NEWER only an older schema fails', async () => {
    const database = await TestDatabase.create();
    await database.sql(`insert into mikro_orm_migrations (name) values ('Migration20991231000000_from_the_future')`);
    const lenient = await startApp({ SCHEMA_MAY_BE_NEWER: 'true' }, database);
    try {
      expect((await lenient.api.get('/health/ready')).body).toEqual({ status: 'ok', checks: ALL_WELL });
      await database.sql(`delete from mikro_orm_migrations where name like '%create_events%'`);
      expect((await lenient.api.get('/health/ready')).body.checks.schema).toBe('older');
    } finally {
      await lenient.close();
      await database.drop();
    }
  });

  it('fails as soon as a shutdown is announced, while requests are still served', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    running.app.get(Readiness).leave();
    await expectNotReady({ shutdown: 'begun' });
    expect((await running.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
  });
});
