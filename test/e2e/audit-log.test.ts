import { randomUUID } from 'node:crypto';
import { MikroORM } from '@mikro-orm/postgresql';
import { AuditLog, type AuditedChange } from '../../src/platform/audit/audit-log.js';
import { ADMIN } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient, Reply } from '../support/client.js';
import { createEvent, eventBody, eventOnSale, ticketTypeBody } from '../support/factories.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { makeOverdue } from '../support/orders.js';
import { problemOf } from '../support/problems.js';

type Entry = AuditedChange & { id: string; at: string };

describe('the audit log', () => {
  let running: TestApp;
  let provider: IdentityProvider;
  let api: ApiClient;

  beforeAll(async () => {
    provider = await IdentityProvider.start();
    running = await startApp(provider.environment);
    api = running.api;
  });
  afterAll(async () => {
    await running.close();
    await provider.stop();
  });

  const list = (query = ''): Promise<Reply<{ items: Entry[]; nextCursor: string | null }>> =>
    api.get(`/v1/audit-log?limit=200${query}`);
  const count = async (): Promise<number> =>
    (await running.database.sql<{ count: number }>('select count(*)::integer as count from audit_log'))[0]!.count;
  const key = () => ({ 'idempotency-key': randomUUID() });
  const any = { 'if-match': '*' };

  /** What the request adds to the log. It must succeed. */
  async function added(send: (headers: Record<string, string>) => Promise<Reply>): Promise<{ entries: Entry[]; reply: Reply }> {
    const before = await count();
    const requestId = randomUUID();
    const reply = await send({ 'x-request-id': requestId });
    expect(reply.status).toBeLessThan(300);
    const entries = (await list()).body.items.slice(0, (await count()) - before);
    for (const entry of entries) expect(entry.requestId).toBe(requestId);
    return { entries, reply };
  }
  const shown = ({ actor, action, targetType, targetId, eventId }: Entry) => [actor, action, targetType, targetId, eventId];
  const withoutTypes = ({ ticketTypes: _types, ...members }: Record<string, unknown>) => members;
  const orderState = ({ status, items, total, expiresAt, confirmedAt, paymentReference, cancelledAt, version }: any) => ({
    ...{ status, total, expiresAt, confirmedAt, paymentReference, cancelledAt, version },
    items: items.map(({ ticketTypeId, quantity }: any) => ({ ticketTypeId, quantity })),
  });

  describe('has one row, with before and after, of', () => {
    it('an event that is created, changed, published and cancelled', async () => {
      const created = await added((headers) => api.post('/v1/events', eventBody({ metadata: { hall: '1' } }), headers));
      const { id } = created.reply.body;
      expect(created.entries.map(shown)).toEqual([[ADMIN.caller, 'event.created', 'event', id, id]]);
      expect([created.entries[0]!.before, created.entries[0]!.after]).toEqual([null, withoutTypes(created.reply.body)]);
      let last = created.reply.body;
      for (const [action, send] of [
        ['event.updated', (headers: object) => api.patch(`/v1/events/${id}`, { name: 'Renamed' }, { ...any, ...headers })],
        ['event.published', (headers: object) => api.post(`/v1/events/${id}/publish`, undefined, { ...headers })],
        ['event.cancelled', (headers: object) => api.post(`/v1/events/${id}/cancel`, undefined, { ...headers })],
      ] as const) {
        const { entries, reply } = await added(send);
        expect(entries.map(shown)).toEqual([[ADMIN.caller, action, 'event', id, id]]);
        expect([entries[0]!.before, entries[0]!.after]).toEqual([withoutTypes(last), withoutTypes(reply.body)]);
        last = reply.body;
      }
    });

    it('a ticket type that is created, changed and deleted', async () => {
      const eventId = await createEvent(api);
      const path = `/v1/events/${eventId}/ticket-types`;
      const created = await added((headers) => api.post(path, ticketTypeBody(), headers));
      const { id } = created.reply.body;
      const target = ['ticket-type', id, eventId];
      expect(created.entries.map(shown)).toEqual([[ADMIN.caller, 'ticket-type.created', ...target]]);
      expect([created.entries[0]!.before, created.entries[0]!.after]).toEqual([null, created.reply.body]);
      const updated = await added((headers) => api.patch(`${path}/${id}`, { capacity: 7 }, { ...any, ...headers }));
      expect(updated.entries.map(shown)).toEqual([[ADMIN.caller, 'ticket-type.updated', ...target]]);
      expect([updated.entries[0]!.before, updated.entries[0]!.after]).toEqual([created.reply.body, updated.reply.body]);
      const deleted = await added((headers) => api.send('DELETE', `${path}/${id}`, undefined, headers));
      expect(deleted.entries.map(shown)).toEqual([[ADMIN.caller, 'ticket-type.deleted', ...target]]);
      expect([deleted.entries[0]!.before, deleted.entries[0]!.after]).toEqual([updated.reply.body, null]);
    });

    it('a voucher that is created, changed and deleted', async () => {
      const eventId = await createEvent(api);
      const path = `/v1/events/${eventId}/vouchers`;
      const body = { code: 'SPRING', discount: { percent: 10 } };
      const created = await added((headers) => api.post(path, body, headers));
      const { id } = created.reply.body;
      const updated = await added((headers) => api.patch(`${path}/${id}`, { code: 'SUMMER' }, { ...any, ...headers }));
      const deleted = await added((headers) => api.send('DELETE', `${path}/${id}`, undefined, headers));
      const entries = [created, updated, deleted].flatMap((change) => change.entries);
      expect(entries.map(shown)).toEqual(
        ['created', 'updated', 'deleted'].map((verb) => [ADMIN.caller, `voucher.${verb}`, 'voucher', id, eventId]),
      );
      const [first, second] = [created.reply.body, updated.reply.body];
      expect(entries.map(({ before, after }) => [before, after])).toEqual([
        [null, first],
        [first, second],
        [second, null],
      ]);
    });

    it('an API key that is created and revoked, without what could be used as one', async () => {
      const created = await added((headers) => api.post('/v1/api-keys', { name: 'Clerk', scopes: ['orders:read'] }, headers));
      const { key: secret, ...shownKey } = created.reply.body;
      expect(created.entries.map(shown)).toEqual([[ADMIN.caller, 'api-key.created', 'api-key', shownKey.id, null]]);
      expect([created.entries[0]!.before, created.entries[0]!.after]).toEqual([null, shownKey]);
      const revoked = await added((headers) => api.send('DELETE', `/v1/api-keys/${shownKey.id}`, undefined, headers));
      expect(revoked.entries.map(shown)).toEqual([[ADMIN.caller, 'api-key.revoked', 'api-key', shownKey.id, null]]);
      expect(revoked.entries[0]).toMatchObject({ before: shownKey, after: { ...shownKey, revokedAt: expect.any(String) } });
      const [row] = await running.database.sql('select secret_hash from api_keys where id = $1', [shownKey.id]);
      const log = JSON.stringify(await running.database.sql('select * from audit_log'));
      expect(log).toContain(shownKey.prefix);
      for (const kept of [secret, secret.split('_')[2], row!.secret_hash]) expect(log).not.toContain(kept);
    });

    it.each([
      ['confirm', { paymentReference: 'pay_1' }, 'order.confirmed'],
      ['extend', { seconds: 900 }, 'order.extended'],
      ['cancel', { reason: 'Ada called: ill' }, 'order.cancelled'],
    ])('an order of a customer that staff %s', async (step, body, action) => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const { body: order } = await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 600 });
      const staff = api.as(await provider.token({ sub: 'staff', scope: 'orders:write' }));
      const { entries, reply } = await added((headers) => staff.post(`/v1/orders/${order.id}/${step}`, body, headers));
      expect(entries.map(shown)).toEqual([['user:staff', action, 'order', order.id, eventId]]);
      expect([entries[0]!.before, entries[0]!.after]).toEqual([orderState(order), orderState(reply.body)]);
      expect(JSON.stringify(entries)).not.toMatch(/ada@|"Ada|"ill"/i);
    });

    it('a part of an order that staff cancel, and the rest of it', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const { body: order } = await api.book(eventId, { [ticketTypeId]: 3 });
      const items = (quantity: number) => ({ items: [{ ticketTypeId, quantity }] });
      const part = await added((headers) => api.post(`/v1/orders/${order.id}/cancel`, items(1), headers));
      expect(part.entries.map(({ action }) => action)).toEqual(['order.partially-cancelled']);
      expect([part.entries[0]!.before, part.entries[0]!.after]).toEqual([orderState(order), orderState(part.reply.body)]);
      const rest = await added((headers) => api.post(`/v1/orders/${order.id}/cancel`, items(2), headers));
      expect(rest.entries.map(({ action }) => action)).toEqual(['order.cancelled']);
    });

    it('a hold past its end that staff revive: it was expired', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const { body: order } = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 600 });
      await makeOverdue(running.database, order.id);
      const { entries } = await added((headers) =>
        api.post(`/v1/orders/${order.id}/confirm`, { reviveIfAvailable: true }, headers),
      );
      expect(entries).toMatchObject([
        { action: 'order.confirmed', before: { status: 'expired' }, after: { status: 'confirmed' } },
      ]);
    });

    it('each of many orders that are changed in one turn', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const orders = await Promise.all(
        Array.from({ length: 20 }, async () => (await api.book(eventId, { [ticketTypeId]: 1 })).body.id as string),
      );
      await Promise.all(orders.map((id) => api.post(`/v1/orders/${id}/cancel`)));
      const entries = (await list(`&eventId=${eventId}&action=order.cancelled`)).body.items;
      expect(entries.map(({ targetId }) => targetId).toSorted()).toEqual(orders.toSorted());
    });
  });

  describe('has no row of', () => {
    const nothing = async (work: () => Promise<unknown>) => {
      const before = await count();
      await work();
      expect(await count()).toBe(before);
    };

    it('bookings, and what customers do to their own orders', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
      // One with a scope for the orders of others, too.
      for (const claims of [{ sub: 'ada' }, { sub: 'grace', scope: 'orders:write' }]) {
        const own = api.as(await provider.token({ sub: claims.sub }));
        const token = api.as(await provider.token(claims));
        await nothing(async () => {
          const { body: order } = await own.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 600 });
          for (const [step, body] of [
            ['extend', { seconds: 900 }],
            ['confirm', {}],
            ['cancel', { items: [{ ticketTypeId, quantity: 1 }] }],
            ['cancel', {}],
          ] as const) {
            expect((await token.post(`/v1/orders/${order.id}/${step}`, body)).status).toBe(200);
          }
        });
      }
    });

    it('replays', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const { body: order } = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 600 });
      for (const [path, body] of [
        ['/v1/events', eventBody()],
        [`/v1/events/${eventId}/ticket-types`, ticketTypeBody()],
        ['/v1/api-keys', { name: 'Clerk', scopes: ['orders:read'] }],
        [`/v1/orders/${order.id}/extend`, { seconds: 700 }],
        [`/v1/orders/${order.id}/confirm`, {}],
        [`/v1/orders/${order.id}/cancel`, {}],
        [`/v1/events/${eventId}/cancel`, {}],
      ] as const) {
        const headers = key();
        const before = await count();
        expect((await api.post(path, body, headers)).status).toBeLessThan(300);
        expect(await count()).toBe(before + 1);
        await nothing(async () => expect((await api.post(path, body, headers)).headers.get('idempotent-replayed')).toBe('true'));
      }
    });

    it('repeats without a key that change nothing', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const { body: order } = await api.book(eventId, { [ticketTypeId]: 1 });
      const { body: apiKey } = await api.post('/v1/api-keys', { name: 'Clerk', scopes: ['orders:read'] });
      await api.send('DELETE', `/v1/api-keys/${apiKey.id}`);
      await nothing(async () => {
        expect((await api.send('DELETE', `/v1/api-keys/${apiKey.id}`)).status).toBe(204);
        expect((await api.post(`/v1/events/${eventId}/publish`)).status).toBe(200);
        expect((await api.post(`/v1/orders/${order.id}/confirm`)).status).toBe(200);
      });
      await api.post(`/v1/orders/${order.id}/cancel`);
      await nothing(async () => expect((await api.post(`/v1/orders/${order.id}/cancel`)).status).toBe(200));
      await api.post(`/v1/events/${eventId}/cancel`);
      await nothing(async () => expect((await api.post(`/v1/events/${eventId}/cancel`)).status).toBe(200));
    });

    it('refusals, and of what is rolled back after the row was written', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
      const { body: order } = await api.book(eventId, { [ticketTypeId]: 5 });
      const path = `/v1/events/${eventId}/ticket-types/${ticketTypeId}`;
      await nothing(async () => {
        expect((await api.patch(path, { capacity: 1 }, any)).status).toBe(409);
        expect((await api.patch(`/v1/events/${eventId}`, { name: 'x' }, { 'if-match': '"99"' })).status).toBe(412);
        expect((await api.post(`/v1/orders/${order.id}/extend`, { seconds: 60 })).status).toBe(409);
        expect((await api.post(`/v1/orders/${order.id}/cancel`, { items: [{ ticketTypeId, quantity: 6 }] })).status).toBe(422);
        // The row is written, and the foreign key of the order items refuses at the flush after it.
        expect(problemOf(await api.send('DELETE', path)).code).toBe('ticket-type-in-use');
      });
    });
  });

  it('is written with the change or not at all: where it cannot be written, nothing is changed', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const { body: order } = await api.book(eventId, { [ticketTypeId]: 1 });
    await running.database.sql(`alter table audit_log add constraint test_full check (actor = 'nobody') not valid`);
    const replies = [
      await api.patch(`/v1/events/${eventId}`, { name: 'Renamed' }, any),
      await api.post(`/v1/orders/${order.id}/cancel`),
      await api.post('/v1/api-keys', { name: 'Not made', scopes: ['admin'] }),
    ];
    await running.database.sql('alter table audit_log drop constraint test_full');
    expect(replies.map(({ status }) => status)).toEqual([500, 500, 500]);
    expect((await api.get(`/v1/events/${eventId}`)).body.name).toBe('Concert');
    expect((await api.get(`/v1/orders/${order.id}`)).body.status).toBe('confirmed');
    expect(JSON.stringify((await api.get('/v1/api-keys?limit=200')).body)).not.toContain('Not made');
    expect(await running.database.brokenInvariants()).toEqual([]);
  });

  it.each([
    "update audit_log set actor = 'nobody'",
    'delete from audit_log',
    'truncate audit_log',
    'delete from audit_log where false',
  ])('cannot be changed: %s', async (statement) => {
    const before = await running.database.sql('select * from audit_log order by id');
    await expect(running.database.sql(statement)).rejects.toThrow('The audit log is append-only');
    expect(await running.database.sql('select * from audit_log order by id')).toEqual(before);
  });

  it('records nothing for no change, without a statement', async () => {
    const em = running.app.get(MikroORM).em.fork();
    const before = await count();
    await AuditLog.record(em);
    expect(await count()).toBe(before);
  });
});
