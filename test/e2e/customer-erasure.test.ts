import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { type OrderDto, OrderConfirmed, OrderHeld } from '../../src/modules/orders/index.js';
import type { DomainEvent } from '../../src/platform/domain-events/domain-event.js';
import { OnDomainEvent } from '../../src/platform/domain-events/on-domain-event.decorator.js';
import { startApp, type TestApp } from '../support/app.js';
import { ADMIN, insertApiKey } from '../support/api-keys.js';
import type { ApiClient } from '../support/client.js';
import { tablesWith } from '../support/dump.js';
import { eventBody, eventOnSale } from '../support/factories.js';
import { blockedBackend, eventually, holdEventLock } from '../support/faults.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { stopJobs } from '../support/jobs.js';
import { makeOverdue } from '../support/orders.js';
import { problemOf } from '../support/problems.js';
import { countsOf, historyOf } from '../support/reads.js';

const EMAIL = 'Augusta.King@Example.com';
const NAME = 'Augusta King';
const SUBJECT = 'auth0|lovelace';
const PHONE = '+44 7700 900123';

class Refusing {
  @OnDomainEvent([OrderHeld, OrderConfirmed], { name: 'refusing', retries: 0 })
  refuse({ data }: DomainEvent<OrderDto>): void {
    throw new Error(`Cannot tell ${data.customer.email}`);
  }
}

@Module({ providers: [Refusing] })
class RefusingModule {}

describe('the erasure of a customer', () => {
  let running: TestApp;
  let provider: IdentityProvider;
  let api: ApiClient;
  let augusta: ApiClient;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
    running = await startApp(provider.environment, undefined, [RefusingModule]);
    api = running.api;
    augusta = api.as(await provider.token({ sub: SUBJECT }));
    await stopJobs(running, ExpireHoldsJob);
  });
  afterAll(async () => {
    await running.close();
    await provider.stop();
  });

  const booking = (ticketTypeId: string, email: string, hold: boolean) => ({
    items: [{ ticketTypeId, quantity: 2 }],
    customer: { email, name: NAME },
    metadata: { phone: PHONE },
    ...(hold ? { hold: { seconds: 600 } } : {}),
  });
  const key = () => ({ 'idempotency-key': randomUUID() });
  async function book(by: ApiClient, eventId: string, ticketTypeId: string, hold = false, email = EMAIL): Promise<string> {
    const { status, body } = await by.post(`/v1/events/${eventId}/bookings`, booking(ticketTypeId, email, hold), key());
    expect(status).toBe(201);
    return body.id;
  }
  async function step(by: ApiClient, orderId: string, name: string, body: object = {}): Promise<void> {
    expect((await by.post(`/v1/orders/${orderId}/${name}`, body, key())).status).toBe(200);
  }
  const erase = (person: object, headers: Record<string, string> = key()) => api.post('/v1/customers/erase', person, headers);
  const traces = async () => {
    const found: string[] = [];
    for (const text of [EMAIL, NAME, SUBJECT, PHONE, 'augusta']) found.push(...(await tablesWith(running.database, text)));
    return found;
  };
  /** Orders in every state, by the shop and by the customer, two events, with reasons that name the person. */
  async function orders() {
    const [first, second] = [await eventOnSale(api, [100]), await eventOnSale(api, [100])];
    const ids: Record<string, string> = {};
    for (const [who, by] of [
      ['shop', api],
      ['own', augusta],
    ] as const) {
      for (const { eventId, ticketTypeId } of [first, second]) {
        const make = (hold = false) => book(by, eventId, ticketTypeId, hold);
        const suffix = eventId === first.eventId ? '' : ' 2';
        ids[`${who} confirmed${suffix}`] = await make();
        ids[`${who} held${suffix}`] = await make(true);
        await step(by, (ids[`${who} paid${suffix}`] = await make(true)), 'confirm', { paymentReference: `pay_${randomUUID()}` });
        await step(by, (ids[`${who} cancelled${suffix}`] = await make()), 'cancel', { reason: 'Augusta is ill' });
        await step(by, (ids[`${who} partly${suffix}`] = await make()), 'cancel', {
          items: [{ ticketTypeId, quantity: 1 }],
          reason: `call ${PHONE}`,
        });
        await makeOverdue(running.database, (ids[`${who} overdue${suffix}`] = await make(true)));
      }
    }
    return { events: [first, second], ids };
  }
  const numbers = () =>
    running.database.sql(
      `select o.id, o.sequence, o.status, o.total_amount, o.payment_reference, o.expires_at, o.confirmed_at, o.cancelled_at, o.created_at,
              (select json_agg(i order by position) from order_items i where i.order_id = o.id) as items,
              (select json_agg(to_jsonb(h) - 'actor' - 'reason' order by sequence) from order_history h where h.order_id = o.id) as history
         from orders o order by o.id`,
    );

  it('leaves nothing of the person anywhere in the database, and every count and total as it was', async () => {
    const { events, ids } = await orders();
    const [{ eventId: first, ticketTypeId }] = events as [(typeof events)[0]];
    const { body: others } = await api.book(first, { [ticketTypeId]: 1 }, { email: 'grace@example.com' });
    const before = await numbers();
    const counts = await Promise.all(events.map(({ eventId }) => countsOf(api, eventId)));
    const tables = ['public.orders', 'public.order_history', 'public.idempotency_keys', 'public.domain_events'];
    expect(await traces()).toEqual(expect.arrayContaining(tables));
    await eventually('facts that a subscriber refused', async () => {
      const jobs = await running.database.sql(
        `select from pgboss.job where state = 'failed' and data ->> 'orderId' = any($1) and output::text like '%' || $2 || '%'`,
        [Object.values(ids), EMAIL],
      );
      return jobs.length >= Object.keys(ids).length;
    });

    const { status, body } = await erase({ email: EMAIL.toUpperCase() });
    expect([status, body]).toEqual([
      200,
      { orders: Object.keys(ids).length, pseudonym: expect.stringMatching(/^erased-[0-9a-f-]{36}$/) },
    ]);
    // The caller of a remembered answer: a repeat must be recognised.
    expect(await traces()).toEqual(['public.idempotency_keys']);
    await running.database.sql(`delete from idempotency_keys where caller = $1`, [`user:${SUBJECT}`]);
    expect(await traces()).toEqual([]);
    expect(await numbers()).toEqual(before);
    expect(await Promise.all(events.map(({ eventId }) => countsOf(api, eventId)))).toEqual(counts);
    expect(await running.database.brokenInvariants()).toEqual([]);

    const customer = { email: `${body.pseudonym}@erased.invalid`, name: null };
    expect((await api.get(`/v1/orders/${ids['shop confirmed']}`)).body).toMatchObject({ customer, metadata: {}, version: 2 });
    expect((await api.get(`/v1/orders/${ids['own cancelled 2']}`)).body).toMatchObject({ customer, cancelReason: 'erased' });
    const erased = expect.stringMatching(new RegExp(`^user:${body.pseudonym}-[0-9a-f]{12}$`));
    expect(await historyOf(api, ids['own partly']!)).toMatchObject([
      { actor: erased, reason: null },
      { actor: erased, reason: 'erased' },
    ]);
    expect((await historyOf(api, ids['shop partly']!)).map(({ actor }) => actor)).toEqual([ADMIN.caller, ADMIN.caller]);
    expect((await api.get(`/v1/orders/${others.id}`)).body).toEqual(others);
  });

  it('by subject: all that the user booked for themselves, under whatever address, and what was remembered of them', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const sub = 'auth0|jones';
    const own = api.as(await provider.token({ sub }));
    const [one, two] = [
      await book(own, eventId, ticketTypeId, true, 'a.jones@example.com'),
      await book(own, eventId, ticketTypeId, false, 'jones@example.com'),
    ];
    await step(api, one, 'confirm', { paymentReference: 'pay_7' });
    const byTheShop = await book(api, eventId, ticketTypeId, false, 'jones@example.com');

    const { body } = await erase({ subject: sub });
    expect(body.orders).toBe(2);
    expect(await tablesWith(running.database, sub)).toEqual([]);
    expect(await tablesWith(running.database, 'a.jones@example.com')).toEqual([]);
    expect((await api.get(`/v1/orders/${one}`)).body).toMatchObject({ paymentReference: 'pay_7', status: 'confirmed' });
    expect((await own.get(`/v1/orders/${two}`)).body.code).toBe('order-not-found');
    expect((await own.get('/v1/orders')).body.items).toEqual([]);
    // Booked for that address by somebody else: it is for the operator to say that this is the same person.
    expect((await api.get(`/v1/orders/${byTheShop}`)).body.customer.email).toBe('jones@example.com');
    await erase({ email: 'jones@example.com' });
    expect(await tablesWith(running.database, 'jones')).toEqual([]);
  });

  it('by subject: as a caller of what was remembered about others too; what they did as staff stays theirs', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const sub = 'auth0|clerk';
    const clerk = api.as(await provider.token({ sub, scope: 'bookings:write' }));
    const order = await book(clerk, eventId, ticketTypeId, false, 'somebody@example.com');
    expect(await tablesWith(running.database, sub)).toEqual(['public.idempotency_keys', 'public.order_history']);
    expect((await erase({ subject: sub })).body.orders).toBe(0);
    expect(await tablesWith(running.database, sub)).toEqual(['public.order_history']);
    expect(await tablesWith(running.database, 'somebody@example.com')).toEqual(
      expect.arrayContaining(['public.domain_events', 'public.idempotency_keys', 'public.orders']),
    );
    expect((await api.get(`/v1/orders/${order}`)).body.customer.email).toBe('somebody@example.com');
    await erase({ email: 'somebody@example.com' });
  });

  it('by e-mail: a repeat by the user is still recognised, and answered with the pseudonym', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
    const body = booking(ticketTypeId, 'repeats@example.com', false);
    const headers = key();
    const ask = () => augusta.post(`/v1/events/${eventId}/bookings`, body, headers);
    const first = await ask();
    const { pseudonym } = (await erase({ email: 'repeats@example.com' })).body;
    const again = await ask();
    expect([again.status, again.headers.get('idempotent-replayed'), again.body.id]).toEqual([201, 'true', first.body.id]);
    expect(again.body.customer).toEqual({ email: `${pseudonym}@erased.invalid`, name: null });
    expect(await countsOf(api, eventId)).toEqual([[0, 2, 8]]);
  });

  it('under a key that another request takes meanwhile is done and told, and in the audit log', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
    await book(api, eventId, ticketTypeId, false, 'taken@example.com');
    const headers = key();
    const lock = await holdEventLock(running.database, eventId);
    const erasure = erase({ email: 'taken@example.com' }, headers);
    await blockedBackend(running.database);
    expect((await api.post('/v1/events', eventBody(), headers)).status).toBe(201);
    await lock.release();
    const { status, body } = await erasure;
    expect([status, body.orders]).toEqual([200, 1]);
    const [entry] = (await api.get('/v1/audit-log?action=customer.erased&limit=1')).body.items;
    expect(`erased-${entry.targetId}`).toBe(body.pseudonym);
    expect(await running.database.sql('select from customer_erasures')).toEqual([]);
    expect((await erase({ email: 'taken@example.com' }, headers)).body.code).toBe('idempotency-key-reused');
  });

  it('of somebody unknown: no orders, and that is all', async () => {
    // What was begun long ago and never repeated is forgotten on the way.
    await running.database.sql(
      `insert into customer_erasures (caller, key, fingerprint, pseudonym_id, started_at)
       values ('key:x', 'old', repeat('0', 64), gen_random_uuid(), now() - interval '8 days')`,
    );
    expect((await erase({ email: 'nobody@example.com' })).body).toEqual({ orders: 0, pseudonym: expect.any(String) });
    expect(await running.database.sql('select from customer_erasures')).toEqual([]);
  });

  it.each([{}, { email: 'a@example.com', subject: 'a' }, { email: 'x' }, { subject: '' }, { subject: 'a\nb' }, { email: null }])(
    'takes exactly one of email and subject, not %j',
    async (body) => expect(problemOf(await erase(body)).code).toBe('validation-failed'),
  );

  it('is in the audit log, without the person', async () => {
    const before = (await api.get('/v1/audit-log?action=customer.erased&limit=200')).body.items.length;
    const { body } = await erase({ email: 'audited@example.com' });
    const { items } = (await api.get('/v1/audit-log?action=customer.erased&limit=200')).body;
    expect(items).toHaveLength(before + 1);
    expect(items[0]).toMatchObject({
      actor: ADMIN.caller,
      targetType: 'customer',
      before: null,
      after: { orders: 0, by: 'email' },
    });
    expect(`erased-${items[0].targetId}`).toBe(body.pseudonym);
    expect(await tablesWith(running.database, 'audited@example.com')).toEqual([]);
  });

  it('afterwards the person is a new customer, to whom nothing of the old one counts', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [100], { maxTicketsPerCustomer: 3 });
    const email = 'limit@example.com';
    await book(api, eventId, ticketTypeId, false, email);
    expect(problemOf(await api.book(eventId, { [ticketTypeId]: 2 }, { email })).code).toBe('customer-limit-exceeded');
    await erase({ email });
    const { body: order } = await api.book(eventId, { [ticketTypeId]: 3 }, { email });
    expect(order.customer.email).toBe(email);
    expect((await api.get(`/v1/orders?email=${email}`)).body.items.map(({ id }: { id: string }) => id)).toEqual([order.id]);
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('different users of one address stay different customers', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [100], { maxTicketsPerCustomer: 2 });
    for (const sub of ['left', 'right']) {
      await book(api.as(await provider.token({ sub })), eventId, ticketTypeId, false, 'shared@example.com');
    }
    await erase({ email: 'shared@example.com' });
    const rows = await running.database.sql('select customer_subject from orders where event_id = $1', [eventId]);
    expect(new Set(rows.map(({ customer_subject: subject }) => subject)).size).toBe(2);
  });

  it('goes on with the orders: a hold is confirmed, an order is cancelled', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const email = 'goes.on@example.com';
    const [held, confirmed] = [
      await book(api, eventId, ticketTypeId, true, email),
      await book(api, eventId, ticketTypeId, false, email),
    ];
    const etag = (await api.get(`/v1/orders/${held}`)).headers.get('etag')!;
    await erase({ email });
    expect((await api.get(`/v1/orders/${held}`, { 'if-none-match': etag })).status).toBe(200);
    await step(api, held, 'confirm');
    await step(api, confirmed, 'cancel', { reason: 'refund' });
    expect((await api.get(`/v1/orders/${held}`)).body.customer.email).toMatch(/@erased\.invalid$/);
    expect(await tablesWith(running.database, email)).toEqual([]);
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it('is for admins', async () => {
    const { key: clerk } = await insertApiKey(running.database, [
      'orders:read',
      'orders:write',
      'events:write',
      'bookings:write',
    ]);
    expect((await api.as(clerk).post('/v1/customers/erase', { email: EMAIL })).status).toBe(403);
    expect((await api.as(clerk).get(`/v1/customers/export?email=${EMAIL}`)).status).toBe(403);
  });
});
