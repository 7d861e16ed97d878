import { MikroORM } from '@mikro-orm/postgresql';
import { ormConfig } from '../../mikro-orm.config.js';
import { readEnvironment } from '../../src/platform/config/environment.js';
import { startApp } from '../support/app.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';

describe('migrations on a database with rows', () => {
  let database: TestDatabase;
  let orm: MikroORM;

  beforeAll(async () => {
    database = await TestDatabase.create();
    const running = await startApp({}, database);
    const { api } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    const hold = (key: string) =>
      api.post(
        `/v1/events/${eventId}/bookings`,
        { items: [{ ticketTypeId, quantity: 3 }], customer: { email: 'ada@example.com' }, hold: { seconds: 600 } },
        { 'idempotency-key': key },
      );
    await api.book(eventId, { [ticketTypeId]: 2 });
    for (const [path, body] of [
      ['extend', { seconds: 900 }],
      ['confirm', { paymentReference: 'pay_1' }],
      ['cancel', {}],
      ['cancel', { items: [{ ticketTypeId, quantity: 1 }] }],
    ] as const) {
      const { body: order } = await hold(JSON.stringify([path, body]));
      await api.post(`/v1/orders/${order.id}/${path}`, body);
    }
    await running.close();
    orm = new MikroORM({
      ...ormConfig({ ...readEnvironment({}), DATABASE_URL: database.url }),
      logger: () => {},
    });
  });
  afterAll(async () => {
    await orm.close(true);
    await database.drop();
  });

  const rows = () =>
    database.sql(`select o.id, o.status, o.expires_at, o.version, h.sequence, h.from_status, h.to_status, i.quantity
                    from orders o join order_history h on h.order_id = o.id join order_items i on i.order_id = o.id
                   order by h.sequence`);

  it('the last one goes down and up again, and the orders are as they were', async () => {
    const before = await rows();
    expect(before).toHaveLength(9);
    await orm.migrator.down();
    await orm.migrator.up();
    expect(await rows()).toEqual(before);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('all go down, which leaves no table, and up again', async () => {
    await orm.migrator.down({ to: 0 });
    const tables = `select tablename from pg_tables where schemaname = 'public' and tablename <> 'mikro_orm_migrations'`;
    expect(await database.sql(tables)).toEqual([]);
    await orm.migrator.up();
    expect(await database.sql(tables)).not.toEqual([]);
  });
});
