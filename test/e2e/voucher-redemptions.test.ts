import { jest } from '@jest/globals';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { pg } from '../../src/platform/database/pg-client.js';
import { startApp, type TestApp } from '../support/app.js';
import { type ApiClient, countByStatus } from '../support/client.js';
import { eventOnSale, inDays } from '../support/factories.js';
import { stopJobs } from '../support/jobs.js';
import { makeOverdue } from '../support/orders.js';
import { assertVouchersAreRight, bookWithVoucher, createVoucher, redemptionsOf } from '../support/vouchers.js';

const OF_BOOKINGS = new Set([
  ...['find-idempotency-keys', 'load-snapshot', 'load-turn', 'overdue-redemptions', 'load-vouchers', 'write-turn'],
]);

describe('redemptions of vouchers', () => {
  let running: TestApp;
  let api: ApiClient;

  const create = (eventId: string, voucher: Record<string, unknown>) => createVoucher(api, eventId, voucher);
  const book = (eventId: string, items: Record<string, number>, more?: Record<string, unknown>, key?: string) =>
    bookWithVoucher(api, eventId, items, more, key);
  const redemptions = (eventId: string) => redemptionsOf(api, eventId);

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
    await stopJobs(running, ExpireHoldsJob);
  });
  afterEach(() => assertVouchersAreRight(running.database));
  afterAll(() => running.close());

  describe('redemptions', () => {
    it('200 buyers at once for a voucher of 50: exactly 50 get it', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [1000]);
      await create(eventId, { maxRedemptions: 50 });
      const replies = await Promise.all(
        Array.from({ length: 200 }, (_, buyer) =>
          book(eventId, { [ticketTypeId]: 1 }, { customer: { email: `buyer-${buyer}@example.com` }, hold: { seconds: 60 } }),
        ),
      );
      expect(countByStatus(replies)).toEqual({ 201: 50, 409: 150 });
      expect(new Set(replies.flatMap(({ body }) => body.code ?? []))).toEqual(new Set(['voucher-exhausted']));
      expect(await redemptions(eventId)).toBe(50);
    });

    it('on two instances at once: exactly 50 get it', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [1000]);
      await create(eventId, { maxRedemptions: 50 });
      const other = await startApp({}, running.database);
      try {
        const replies = await Promise.all(
          Array.from({ length: 200 }, (_, buyer) =>
            bookWithVoucher(
              [api, other.api][buyer % 2]!,
              eventId,
              { [ticketTypeId]: 1 },
              {
                customer: { email: `buyer-${buyer}@example.com` },
              },
            ),
          ),
        );
        expect(countByStatus(replies)).toEqual({ 201: 50, 409: 150 });
      } finally {
        await other.app.close();
      }
    });

    it('are given back by a cancellation, an expiry and the cancellation of the event, and kept by a confirmation', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
      await create(eventId, { maxRedemptions: 10 });
      const hold = async () => (await book(eventId, { [ticketTypeId]: 1 }, { hold: { seconds: 600 } })).body.id as string;
      const [cancelled, expired, confirmed] = [await hold(), await hold(), await hold()];
      expect(await redemptions(eventId)).toBe(3);
      await api.post(`/v1/orders/${cancelled}/cancel`);
      await api.post(`/v1/orders/${confirmed}/confirm`);
      expect(await redemptions(eventId)).toBe(2);
      await makeOverdue(running.database, expired);
      await running.app.get(ExpireHoldsJob, { strict: false }).runOnce();
      expect(await redemptions(eventId)).toBe(1);
      await api.post(`/v1/events/${eventId}/cancel`);
      expect(await redemptions(eventId)).toBe(0);
    });

    it('of holds past their end are free at once, whether or not a job runs', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
      await create(eventId, { maxRedemptions: 2, maxPerCustomer: 2 });
      const hold = () => book(eventId, { [ticketTypeId]: 1 }, { hold: { seconds: 600 } });
      const orders = [await hold(), await hold()];
      expect((await hold()).body.code).toBe('voucher-exhausted');
      await makeOverdue(running.database, ...orders.map(({ body }) => body.id));
      expect((await hold()).status).toBe(201);
      expect((await hold()).status).toBe(201);
      expect((await hold()).body.code).toBe('voucher-exhausted');
    });

    describe('of a hold past its end, whether or not a job runs,', () => {
      const setting = async () => {
        const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
        const { body: voucher } = await create(eventId, { maxRedemptions: 5 });
        const hold = async () => (await book(eventId, { [ticketTypeId]: 1 }, { hold: { seconds: 600 } })).body.id as string;
        const overdue = [await hold(), await hold()];
        await book(eventId, { [ticketTypeId]: 1 });
        const path = `/v1/events/${eventId}/vouchers/${voucher.id}`;
        return { eventId, ticketTypeId, voucher, overdue, path };
      };

      it('are not shown, nor counted once more when a job stores that', async () => {
        const { eventId, overdue, path } = await setting();
        const { body: before } = await api.get(path);
        expect(before).toMatchObject({ redemptions: 3, version: 4 });
        await makeOverdue(running.database, ...overdue);
        const { body } = await api.get(path);
        expect(body).toMatchObject({ redemptions: 1, version: 6 });
        expect(body.updatedAt > before.updatedAt).toBe(true);
        expect((await api.get(`/v1/events/${eventId}/vouchers`)).body.items).toEqual([body]);
        await running.app.get(ExpireHoldsJob, { strict: false }).runOnce();
        expect((await api.get(path)).body).toEqual(body);
      });

      it('do not keep the voucher from being deleted', async () => {
        const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
        const { body: voucher } = await create(eventId, {});
        const { body: order } = await book(eventId, { [ticketTypeId]: 1 }, { hold: { seconds: 600 } });
        await makeOverdue(running.database, order.id);
        const path = `/v1/events/${eventId}/vouchers/${voucher.id}`;
        const { body } = await api.get(path);
        expect((await api.send('DELETE', path, undefined, { 'if-match': `"${body.version - 1}"` })).status).toBe(412);
        expect((await api.send('DELETE', path, undefined, { 'if-match': `"${body.version}"` })).status).toBe(204);
        expect((await api.get(`/v1/orders/${order.id}`)).body.status).toBe('expired');
      });

      it('do not keep its maximum from being lowered, and it is changed from the version that was shown', async () => {
        const { overdue, path } = await setting();
        await makeOverdue(running.database, ...overdue);
        const { body } = await api.get(path);
        expect((await api.patch(path, {}, { 'if-match': `"${body.version - 2}"` })).status).toBe(412);
        const renamed = await api.patch(path, { code: 'AUTUMN' }, { 'if-match': `"${body.version}"` });
        expect(renamed.body).toMatchObject({ code: 'AUTUMN', redemptions: 1, version: body.version + 1 });
        const changed = await api.patch(path, { maxRedemptions: 1 }, { 'if-match': `"${renamed.body.version}"` });
        expect(changed.body).toMatchObject({ maxRedemptions: 1, redemptions: 1, version: renamed.body.version + 1 });
        expect((await api.get(path)).body).toEqual(changed.body);
      });
    });

    it('move the version of the voucher, and its time', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
      const { body: made } = await create(eventId, {});
      const path = `/v1/events/${eventId}/vouchers/${made.id}`;
      const { body: order } = await book(eventId, { [ticketTypeId]: 1 });
      expect((await api.get(path)).body).toMatchObject({ version: 2, updatedAt: order.createdAt });
      const { body: cancelled } = await api.post(`/v1/orders/${order.id}/cancel`);
      expect((await api.get(path)).body).toMatchObject({ version: 3, updatedAt: cancelled.updatedAt });
    });

    it('of a late payment are taken again, if they are still there', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
      const { body: voucher } = await create(eventId, { maxRedemptions: 1 });
      const late = (await book(eventId, { [ticketTypeId]: 1 }, { hold: { seconds: 600 } })).body;
      await makeOverdue(running.database, late.id);
      const path = `/v1/events/${eventId}/vouchers/${voucher.id}`;
      await api.patch(path, { endsAt: inDays(-1) }, { 'if-match': '*' });
      const revive = () => api.post(`/v1/orders/${late.id}/confirm`, { reviveIfAvailable: true });
      expect((await revive()).body).toMatchObject({ status: 'confirmed', total: late.total, voucher: late.voucher });
      expect(await redemptions(eventId)).toBe(1);

      const other = await eventOnSale(api, [100]);
      await create(other.eventId, { maxRedemptions: 1 });
      const lost = (await book(other.eventId, { [other.ticketTypeId]: 1 }, { hold: { seconds: 600 } })).body;
      await makeOverdue(running.database, lost.id);
      expect((await book(other.eventId, { [other.ticketTypeId]: 1 })).status).toBe(201);
      const refused = await api.post(`/v1/orders/${lost.id}/confirm`, { reviveIfAvailable: true });
      expect(refused.body.code).toBe('voucher-exhausted');
    });

    it('are limited per customer', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
      await create(eventId, { maxPerCustomer: 2 });
      const as = (email: string) => book(eventId, { [ticketTypeId]: 1 }, { customer: { email } });
      const replies = await Promise.all([...Array.from({ length: 5 }, () => as('Ada@example.com')), as('grace@example.com')]);
      expect(countByStatus(replies)).toEqual({ 201: 3, 409: 3 });
      expect((await as(' ada@EXAMPLE.com')).body).toMatchObject({ code: 'voucher-customer-limit', limit: 2 });
    });

    it('keep the voucher from being deleted, and its maximum from being lowered under them', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
      const { body: voucher } = await create(eventId, { maxRedemptions: 5 });
      const orders = [await book(eventId, { [ticketTypeId]: 1 }), await book(eventId, { [ticketTypeId]: 1 })];
      const path = `/v1/events/${eventId}/vouchers/${voucher.id}`;
      expect((await api.patch(path, { maxRedemptions: 1 }, { 'if-match': '*' })).body).toMatchObject({
        code: 'voucher-max-below-redemptions',
        redemptions: 2,
      });
      expect((await api.patch(path, { maxRedemptions: 2 }, { 'if-match': '*' })).status).toBe(200);
      expect((await api.send('DELETE', path)).body.code).toBe('voucher-in-use');
      for (const { body } of orders) await api.post(`/v1/orders/${body.id}/cancel`);
      expect((await api.send('DELETE', path)).status).toBe(204);
    });

    it('cannot be wrong in the database', async () => {
      const { eventId } = await eventOnSale(api);
      await create(eventId, { maxRedemptions: 1 });
      await expect(running.database.sql('update vouchers set redemptions = 2 where event_id = $1', [eventId])).rejects.toThrow(
        'vouchers_never_overdrawn',
      );
    });
  });

  it('an unknown code is refused by the very statements that refuse a used-up one', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    await create(eventId, { code: 'USED UP', maxRedemptions: 1 });
    await book(eventId, { [ticketTypeId]: 1 }, { voucherCode: 'USED UP' });
    const statementsOf = async (voucherCode: string) => {
      const sent: string[] = [];
      const query = pg.Client.prototype.query;
      const spy = jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: unknown, ...args: unknown[]) {
        const [config] = args as [string | { text?: string }];
        const text = typeof config === 'string' ? config : (config.text ?? '');
        sent.push(/\/\* ([a-z-]+) \*\//.exec(text)?.[1] ?? '');
        return Reflect.apply(query, this, args);
      });
      for (let count = 0; count < 3; count++) await book(eventId, { [ticketTypeId]: 1 }, { voucherCode });
      spy.mockRestore();
      return sent.filter((name) => OF_BOOKINGS.has(name));
    };
    await statementsOf('USED UP');
    const usedUp = await statementsOf('USED UP');
    expect(usedUp).toContain('load-vouchers');
    expect(await statementsOf('NO SUCH CODE')).toEqual(usedUp);
  });
});
