import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import { tablesWith } from '../support/dump.js';
import { eventOnSale } from '../support/factories.js';
import { blockedBackend, eventually, holdEventLock } from '../support/faults.js';
import { IdentityProvider } from '../support/identity-provider.js';

/** On two apps, so that only the lock of the event stands between the erasure and what happens to the orders. */
describe('the erasure of a customer whose orders are being changed', () => {
  let apps: TestApp[] = [];
  let provider: IdentityProvider;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
    const first = await startApp(provider.environment);
    apps = [first, await startApp(provider.environment, first.database)];
  });
  afterAll(async () => {
    for (const app of apps.toReversed()) await app.close();
    await provider.stop();
  });

  const [here, there] = [() => apps[0]!.api, () => apps[1]!.api];
  const erase = (email: string) => here().post('/v1/customers/erase', { email });
  const emailOf = async (id: string): Promise<string> => (await here().get(`/v1/orders/${id}`)).body.customer.email;

  it('waits for the transaction that has the lock of the event', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(here());
    const email = 'waits@example.com';
    const { body: order } = await here().book(eventId, { [ticketTypeId]: 1 }, { email });
    const lock = await holdEventLock(apps[0]!.database, eventId);
    const erasure = erase(email);
    await blockedBackend(apps[0]!.database);
    expect(await emailOf(order.id)).toBe(email);
    await lock.release();
    expect((await erasure).body.orders).toBe(1);
    expect(await emailOf(order.id)).toMatch(/@erased\.invalid$/);
  });

  it('a step of the customer that was let in before and gets the lock after it finds no order of theirs', async () => {
    const { database } = apps[0]!;
    const { eventId, ticketTypeId } = await eventOnSale(here());
    const sub = 'auth0|late';
    const customer = there().as(await provider.token({ sub }));
    const { body: order } = await customer.book(eventId, { [ticketTypeId]: 1 });
    const lock = await holdEventLock(database, eventId);
    const erasure = here().post('/v1/customers/erase', { subject: sub });
    await blockedBackend(database);
    const step = customer.post(`/v1/orders/${order.id}/cancel`, {}, { 'idempotency-key': randomUUID() });
    await eventually('both wait for the lock', async () => {
      const waiting = await database.sql(
        `select from pg_stat_activity where datname = current_database() and application_name = 'holdfast' and wait_event_type = 'Lock'`,
      );
      return waiting.length === 2;
    });
    await lock.release();
    expect((await erasure).body.orders).toBe(1);
    expect((await step).body.code).toBe('order-not-found');
    expect((await here().get(`/v1/orders/${order.id}`)).body.status).toBe('confirmed');
    expect(await tablesWith(database, sub)).toEqual([]);
  });

  it('leaves no order half erased, no answer that names the person, and no change without a version of its own', async () => {
    const { database } = apps[0]!;
    const { eventId, ticketTypeId } = await eventOnSale(here(), [1_000]);
    const email = 'races@example.com';
    const hold = () => there().book(eventId, { [ticketTypeId]: 1 }, { email, holdSeconds: 600 });
    const key = () => ({ 'idempotency-key': randomUUID() });
    const held = (await Promise.all(Array.from({ length: 60 }, hold))).map(({ body }) => body.id as string);

    const steps = held.map(async (id, index) => {
      const name = ['confirm', 'extend', 'cancel'][index % 3]!;
      for (let repeat = 0; repeat < 3; repeat++) {
        await there().post(`/v1/orders/${id}/${name}`, name === 'extend' ? { seconds: 900 } : {}, key());
      }
    });
    const bookings = Array.from({ length: 60 }, hold);
    const { status, body } = await erase(email);
    await Promise.all([...steps, ...bookings]);

    expect(status).toBe(200);
    const rows = await database.sql<{ erased: boolean; mixed: boolean; version: number; lines: number }>(
      `select customer_email like '%@erased.invalid' as erased, customer_key <> customer_email or (customer_name is null) <> (customer_email like '%@erased.invalid') as mixed,
              version, (select count(*)::integer from order_history h where h.order_id = o.id) as lines
         from orders o where event_id = $1`,
      [eventId],
    );
    expect(rows).toHaveLength(120);
    expect(rows.filter(({ mixed }) => mixed)).toEqual([]);
    expect(rows.filter(({ erased }) => erased)).toHaveLength(body.orders);
    expect(body.orders).toBeGreaterThanOrEqual(60);
    expect(rows.filter(({ erased, version, lines }) => version !== lines + Number(erased))).toEqual([]);
    const answers = await database.sql(
      `select k.body from idempotency_keys k join orders o on o.id::text = k.body::json ->> 'id'
        where o.customer_email like '%@erased.invalid' and k.body like '%races@%'`,
    );
    expect(answers).toEqual([]);
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
