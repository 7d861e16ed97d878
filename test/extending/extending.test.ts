import { randomUUID } from 'node:crypto';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { DomainEventRelayJob } from '../../src/platform/domain-events/domain-event-relay.job.js';
import { insertApiKey } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import { type ApiClient, countByStatus } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { stopJobs } from '../support/jobs.js';
import { makeOverdue } from '../support/orders.js';
import { untilPasses } from '../support/until-passes.js';
import { MEMBERS_TABLES } from './members/members.tables.js';
import { MembersModule } from './members/members.module.js';
import { MembersPolicy } from './members/members.policy.js';

describe('a module of its own, in its own folder, without any edit of the core', () => {
  let running: TestApp;
  let api: ApiClient;
  let memberId: string;

  const sql = <T extends object>(text: string, values: unknown[] = []) => running.database.sql<T>(text, values);
  const book = (eventId: string, items: Record<string, number>, more: Record<string, unknown> = {}) =>
    api.post(
      `/v1/events/${eventId}/bookings`,
      {
        items: Object.entries(items).map(([ticketTypeId, quantity]) => ({ ticketTypeId, quantity })),
        customer: { email: 'ada@example.com', name: 'Ada' },
        ...more,
      },
      { 'idempotency-key': randomUUID() },
    );
  const stepsOfMember = async (orderId: string) =>
    (await sql<{ step: string }>('select step from member_orders where order_id = $1 order by sequence', [orderId])).map(
      ({ step }) => step,
    );

  beforeAll(async () => {
    running = await startApp({}, undefined, [MembersModule]);
    api = running.api;
    await sql(MEMBERS_TABLES);
    memberId = (await api.post('/v1/members', { email: 'ada@example.com' })).body.id;
  });
  afterEach(() => running.database.assertInvariants());
  afterAll(() => running.close());

  describe('its policy', () => {
    it('refuses with its own code, and nothing is booked', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5], { metadata: { membersOnly: 'true' } });
      const customer = { email: 'eve@example.com' };
      const refused = await book(eventId, { [ticketTypeId]: 1 }, { customer });
      expect(refused).toMatchObject({ status: 409, body: { code: 'members-only', detail: 'eve@example.com is no member.' } });
      const accepted = await book(eventId, { [ticketTypeId]: 1 });
      expect(accepted.body).toMatchObject({ membership: { memberId, usePoints: false }, sequence: 1 });
    });

    it('refuses single bookings of a transaction that many share', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [100], { metadata: { membersOnly: 'true' } });
      const replies = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          book(eventId, { [ticketTypeId]: 1 }, { customer: { email: index % 3 === 0 ? 'eve@example.com' : 'ada@example.com' } }),
        ),
      );
      expect(countByStatus(replies)).toEqual({ 201: 40, 409: 20 });
      expect(await sql('select 1 from member_orders where event_id = $1', [eventId])).toHaveLength(40);
    });

    it('is asked once per transaction, however many bookings share it', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [200]);
      const policy = running.app.get(MembersPolicy, { strict: false });
      const asked: number[] = [];
      policy.load = (em, turn) => {
        asked.push(turn.requests.length);
        return MembersPolicy.prototype.load.call(policy, em, turn);
      };
      await Promise.all(Array.from({ length: 100 }, () => book(eventId, { [ticketTypeId]: 1 })));
      const [turns] = await sql<{ n: number }>(
        'select count(distinct transaction_id::text)::integer as n from domain_events where event_id = $1 and order_id is not null',
        [eventId],
      );
      expect(asked).toHaveLength(turns!.n);
      expect(asked.reduce((sum, requests) => sum + requests)).toBe(100);
      expect(Math.max(...asked)).toBeGreaterThan(1);
    });
  });

  describe('its members of bodies and orders', () => {
    it('are validated like any other', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const refused = await book(eventId, { [ticketTypeId]: 0 }, { usePoints: 'yes', other: 1 });
      expect(refused.status).toBe(400);
      expect(refused.body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
        '/items/0/quantity',
        '/other',
        '/usePoints',
      ]);
    });

    it('are in the OpenAPI document while the module is there, and unknown without it', async () => {
      const withModule = (await api.get('/openapi.json')).body.components.schemas;
      expect(withModule.Booking.properties.usePoints).toMatchObject({ type: 'boolean' });
      expect(withModule.Order.properties.membership.$ref).toBe('#/components/schemas/Membership');
      expect(withModule.Scope.enum).toContain('members:write');
      const plain = await startApp();
      try {
        const schemas = (await plain.api.get('/openapi.json')).body.components.schemas;
        expect(schemas.Booking.properties).not.toHaveProperty('usePoints');
        expect(schemas.Order.properties).not.toHaveProperty('membership');
        const { eventId, ticketTypeId } = await eventOnSale(plain.api);
        const body = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' }, usePoints: true };
        const { status } = await plain.api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': 'k' });
        expect(status).toBe(400);
      } finally {
        await plain.close();
      }
    });

    it('are gone when it is switched off by its name', async () => {
      const off = await startApp({ EXTENSIONS_OFF: 'members' }, running.database, [MembersModule]);
      try {
        const { eventId, ticketTypeId } = await eventOnSale(api, [5], { metadata: { membersOnly: 'true' } });
        const reply = await off.api.book(eventId, { [ticketTypeId]: 1 }, { email: 'eve@example.com' });
        expect(reply.status).toBe(201);
        expect(reply.body).not.toHaveProperty('membership');
        expect((await off.api.get('/openapi.json')).body.components.schemas.Booking.properties).not.toHaveProperty('usePoints');
      } finally {
        await off.app.close();
      }
      await expect(startApp({ EXTENSIONS_OFF: 'nothing' }, running.database)).rejects.toThrow('there is no extension nothing');
    });
  });

  it('its adjustment changes the price, and follows a partial cancellation', async () => {
    const { eventId, ticketTypeIds } = await eventOnSale(api, [10, 10]);
    const [first, second] = ticketTypeIds as [string, string];
    const { body } = await book(eventId, { [first]: 2, [second]: 1 }, { usePoints: true });
    const money = (amount: number) => ({ amount, currency: 'EUR' });
    expect(body).toMatchObject({
      subtotal: money(13_500),
      adjustments: [{ code: 'points', label: 'Members: a tenth off', amount: money(-1_350) }],
      total: money(12_150),
      membership: { memberId, usePoints: true },
    });
    const partly = await api.post(`/v1/orders/${body.id}/cancel`, { items: [{ ticketTypeId: first, quantity: 1 }] });
    expect(partly.body).toMatchObject({
      subtotal: money(9_000),
      adjustments: [{ amount: money(-900) }],
      total: money(8_100),
    });
    expect((await api.get(`/v1/orders/${body.id}`)).body).toEqual(partly.body);
    await expect(sql('update orders set adjustment_amount = -1 where id = $1', [body.id])).rejects.toThrow(
      'orders_adjustment_amount_is_the_sum',
    );
  });

  it('its rows follow every step of an order, whoever causes it', async () => {
    await stopJobs(running, ExpireHoldsJob);
    const { eventId, ticketTypeId } = await eventOnSale(api, [50]);
    const hold = async () => (await book(eventId, { [ticketTypeId]: 2 }, { hold: { seconds: 600 } })).body.id as string;
    const [paid, extended, expired, revived, left] = [await hold(), await hold(), await hold(), await hold(), await hold()];
    await api.post(`/v1/orders/${paid}/confirm`);
    await api.post(`/v1/orders/${paid}/cancel`, { items: [{ ticketTypeId, quantity: 1 }] });
    await api.post(`/v1/orders/${paid}/cancel`);
    await api.post(`/v1/orders/${extended}/extend`, { seconds: 900 });
    await makeOverdue(running.database, expired, revived);
    await running.app.get(ExpireHoldsJob, { strict: false }).runOnce();
    await api.post(`/v1/orders/${revived}/confirm`, { reviveIfAvailable: true });
    await api.post(`/v1/events/${eventId}/cancel`);
    expect(await stepsOfMember(paid)).toEqual(['hold', 'confirm', 'cancel-partly', 'cancel']);
    expect(await stepsOfMember(extended)).toEqual(['hold', 'extend', 'cancel']);
    expect(await stepsOfMember(expired)).toEqual(['hold', 'expire']);
    expect(await stepsOfMember(revived)).toEqual(['hold', 'expire', 'revive', 'cancel']);
    expect(await stepsOfMember(left)).toEqual(['hold', 'cancel']);
  });

  it('its rows and the booking commit together or not at all', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [50]);
    await sql(`alter table member_orders add constraint broken check (event_id <> '${eventId}')`);
    try {
      const eve = { customer: { email: 'eve@example.com' } };
      const replies = await Promise.all([
        book(eventId, { [ticketTypeId]: 1 }, eve),
        book(eventId, { [ticketTypeId]: 1 }),
        book(eventId, { [ticketTypeId]: 1 }, eve),
      ]);
      expect(replies.map(({ status }) => status)).toEqual([201, 500, 201]);
    } finally {
      await sql('alter table member_orders drop constraint broken');
    }
    const [{ sold } = { sold: 0 }] = await sql<{ sold: number }>('select sold from ticket_types where id = $1', [ticketTypeId]);
    expect(sold).toBe(2);
  });

  it('its route has its own scope and its own problem', async () => {
    const without = await insertApiKey(running.database, ['events:write', 'bookings:write', 'orders:read']);
    const made = await api.post('/v1/api-keys', { name: 'Club', scopes: ['members:write'] });
    expect(made.status).toBe(201);
    const body = { email: 'grace@example.com' };
    expect((await api.as(null).post('/v1/members', body)).status).toBe(401);
    expect((await api.as(without.key).post('/v1/members', body)).body).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await api.as(made.body.key).post('/v1/members', body)).status).toBe(201);
    expect((await api.as(made.body.key).post('/v1/members', body)).body).toMatchObject({ status: 409, code: 'member-exists' });
    const operation = (await api.get('/openapi.json')).body.paths['/v1/members'].post;
    expect(operation).toMatchObject({ 'x-required-scope': 'members:write', operationId: 'createMember' });
    expect(operation.responses['409'].content['application/problem+json'].examples).toHaveProperty('member-exists');
  });

  describe('its subscriber', () => {
    const lettersOf = (orderId: string) =>
      sql<{ text: string; sequence: number }>('select text, sequence from member_letters where order_id = $1 order by sequence', [
        orderId,
      ]);

    it('hears of each fact after its commit', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const order = (await book(eventId, { [ticketTypeId]: 1 })).body;
      await untilPasses(async () => expect(await lettersOf(order.id)).toEqual([{ text: 'Thank you, Ada', sequence: 1 }]));
      await api.post(`/v1/orders/${order.id}/cancel`);
      await untilPasses(async () => expect(await lettersOf(order.id)).toHaveLength(2));
    });

    it('that fails for one order delays no other, and its dead letters can be listed, tried again and discarded', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const metadata = { letter: 'fails' };
      const broken = (await book(eventId, { [ticketTypeId]: 1 }, { metadata })).body;
      await api.post(`/v1/orders/${broken.id}/cancel`);
      const fine = (await book(eventId, { [ticketTypeId]: 1 })).body;
      await untilPasses(async () => expect(await lettersOf(fine.id)).toHaveLength(1));

      const deadLetters = async () => (await api.get('/v1/dead-letters?subscriber=member-letters')).body.items;
      await untilPasses(async () => expect(await deadLetters()).toHaveLength(1));
      const [letter] = await deadLetters();
      expect(letter).toMatchObject({
        subscriber: 'member-letters',
        attempts: 3,
        error: 'The printer is on fire',
        change: { type: 'order.confirmed', orderId: broken.id, sequence: broken.sequence, data: { id: broken.id } },
      });
      const key = { 'idempotency-key': randomUUID() };
      const retry = () => api.post(`/v1/dead-letters/${letter.id}/retry`, undefined, key);
      expect((await retry()).status).toBe(204);
      const again = await retry();
      expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([204, 'true']);
      await untilPasses(async () => expect(await deadLetters()).toMatchObject([{ id: letter.id, attempts: 4 }]));
      expect(await lettersOf(broken.id)).toEqual([]);
      expect((await api.send('DELETE', `/v1/dead-letters/${letter.id}`)).status).toBe(204);
      expect((await api.send('DELETE', `/v1/dead-letters/${letter.id}`)).body.code).toBe('dead-letter-not-found');
      // The cancellation comes next. It fails in its turn, and so proves that it waited.
      await untilPasses(async () => expect((await deadLetters())[0]?.change.type).toBe('order.cancelled'));
      await api.send('DELETE', `/v1/dead-letters/${(await deadLetters())[0].id}`);
      const { items } = (await api.get(`/v1/audit-log?targetId=${letter.id}`)).body;
      const { id, type, orderId } = letter.change;
      const state = { subscriber: 'member-letters', attempts: 3, change: { id, type, orderId } };
      expect(items).toMatchObject([
        { action: 'dead-letter.discarded', eventId, before: { ...state, attempts: 4 }, after: null },
        { action: 'dead-letter.retried', eventId, before: state, after: state },
      ]);
    }, 120_000);

    it('gets everything once the relay runs, also after a storm, in order per order', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [500]);
      const orders = await Promise.all(Array.from({ length: 100 }, () => book(eventId, { [ticketTypeId]: 1 })));
      await Promise.all(orders.map(({ body }) => api.post(`/v1/orders/${body.id}/cancel`)));
      await running.app.get(DomainEventRelayJob, { strict: false }).runOnce();
      const ids = orders.map(({ body }) => body.id as string);
      await untilPasses(async () => {
        const [row] = await sql<{ n: number }>(
          'select count(*)::integer as n from member_letters where order_id = any($1::uuid[])',
          [ids],
        );
        expect(row!.n).toBe(200);
      }, 60_000);
    }, 90_000);
  });
});
