import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { tablesWith } from '../support/dump.js';
import { eventOnSale } from '../support/factories.js';
import { insertOrders } from '../support/orders.js';
import { problemOf } from '../support/problems.js';

describe('the erasure of a customer with more orders than are changed at a time', () => {
  let running: TestApp;
  let api: ApiClient;

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  const key = () => ({ 'idempotency-key': randomUUID() });
  const erase = (person: object, headers: Record<string, string>) => api.post('/v1/customers/erase', person, headers);

  it('is repeated with its key: one effect, one answer, also when a crash left it half done', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [3_000]);
    const email = 'often@example.com';
    const ids = (await insertOrders(running.database, eventId, ticketTypeId, 1_203)).toSorted();
    await running.database.sql('update orders set customer_email = $1, customer_key = $1 where id = any($2::uuid[])', [
      email,
      ids,
    ]);
    // Booked as two users: the crash leaves the one begun and the other not.
    const subjects = ids.map((_, index) => (index < 250 || index >= 900 ? 'often|one' : 'often|two'));
    await running.database.sql(
      'update orders o set customer_subject = subject from unnest($1::uuid[], $2::text[]) as of (id, subject) where o.id = of.id',
      [ids, subjects],
    );
    // More answers than are read at a time, all of one moment, those about the person among them.
    await running.database.sql(
      `insert into idempotency_keys (caller, key, fingerprint, status, body, event_id, created_at)
       select 'key:shop', key, repeat('0', 64), 200, body, $1, now() from (
         select 'about' || number as key, json_build_object('id', id, 'customer', json_build_object('email', $2::text, 'name', 'Often'),
                                             'metadata', '{}'::json, 'cancelReason', null)::text as body
           from unnest($3::uuid[]) with ordinality as o (id, number)
         union all
         select number || 'other', json_build_object('id', gen_random_uuid())::text from generate_series(1, 12000) number
       ) rows`,
      [eventId, email, ids],
    );
    const headers = key();
    // The second batch fails, and all retries of it.
    await running.database.sql(
      `create function fail() returns trigger language plpgsql as $$ begin
         if (select count(*) from orders where customer_email like 'erased-%' and event_id = new.event_id) > 500 then raise exception 'failed'; end if;
         return null; end $$`,
    );
    await running.database.sql(
      'create constraint trigger fail after update on orders deferrable initially deferred for each row execute function fail()',
    );
    expect((await erase({ email }, headers)).status).toBe(500);
    expect((await running.database.sql(`select from orders where customer_email = $1`, [email])).length).toBe(703);
    await running.database.sql('drop function fail cascade');

    expect(problemOf(await erase({ email: 'other@example.com' }, headers)).code).toBe('idempotency-key-reused');
    const [first, second] = await Promise.all([erase({ email }, headers), erase({ email }, headers)]);
    expect(first.body).toEqual({ orders: 1_203, pseudonym: expect.any(String) });
    expect(second.body).toEqual(first.body);
    const replay = await erase({ email }, headers);
    expect([replay.body, replay.headers.get('idempotent-replayed')]).toEqual([first.body, 'true']);
    expect(await tablesWith(running.database, email)).toEqual([]);
    expect(await tablesWith(running.database, 'Often')).toEqual([]);
    expect(await running.database.sql(`select from idempotency_keys where key like '%other' and body like '%erased%'`)).toEqual(
      [],
    );
    expect(await running.database.sql('select from customer_erasures')).toEqual([]);
    expect(await tablesWith(running.database, 'often|')).toEqual([]);
    const erased = await running.database.sql<{ subject: string }>(
      'select customer_subject as subject from orders where id = any($1::uuid[]) order by id',
      [ids],
    );
    const standsFor = new Map(subjects.map((subject, index) => [subject, erased[index]!.subject]));
    expect(new Set(standsFor.values()).size).toBe(2);
    expect(erased.map(({ subject }) => subject)).toEqual(subjects.map((subject) => standsFor.get(subject)));
    const entries = (await api.get('/v1/audit-log?action=customer.erased&limit=200')).body.items;
    expect(entries.filter(({ after }: { after: { orders: number } }) => after.orders === 1_203)).toHaveLength(1);
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
