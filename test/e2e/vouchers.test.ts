import { startApp, type TestApp } from '../support/app.js';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { type ApiClient, countByStatus } from '../support/client.js';
import { createEvent, createTicketType, eventOnSale, inDays } from '../support/factories.js';
import { stopJobs } from '../support/jobs.js';
import { assertVouchersAreRight, bookWithVoucher, createVoucher, redemptionsOf } from '../support/vouchers.js';

const money = (amount: number, currency = 'EUR') => ({ amount, currency });
const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';

describe('vouchers', () => {
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

  describe('their definition', () => {
    it('can be created, read, listed, changed and deleted', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const created = await create(eventId, { ticketTypeIds: [ticketTypeId], maxRedemptions: 5, startsAt: inDays(-1) });
      expect(created.status).toBe(201);
      expect(created.headers.get('location')).toBe(`/v1/events/${eventId}/vouchers/${created.body.id}`);
      expect(created.body).toMatchObject({
        eventId,
        code: 'SPRING',
        discount: { percent: 10 },
        ticketTypeIds: [ticketTypeId],
        maxRedemptions: 5,
        maxPerCustomer: null,
        endsAt: null,
        redemptions: 0,
        version: 1,
      });
      const path = `/v1/events/${eventId}/vouchers/${created.body.id}`;
      expect((await api.get(path)).body).toEqual(created.body);
      expect((await api.get(path, { 'if-none-match': '"1"' })).status).toBe(304);
      expect((await api.patch(path, { discount: { amount: money(500) } })).body.code).toBe('precondition-required');
      const changed = await api.patch(path, { discount: { amount: money(500) }, ticketTypeIds: null }, { 'if-match': '"1"' });
      expect(changed.body).toMatchObject({ discount: { amount: money(500) }, ticketTypeIds: null, version: 2 });
      expect((await api.patch(path, {}, { 'if-match': '"1"' })).body.code).toBe('stale-version');
      expect((await api.get(`/v1/events/${eventId}/vouchers`)).body).toEqual({ items: [changed.body], nextCursor: null });
      expect((await api.send('DELETE', path)).status).toBe(204);
      expect((await api.get(path)).body.code).toBe('voucher-not-found');
    });

    it('come in pages, newest first', async () => {
      const { eventId } = await eventOnSale(api);
      for (const code of ['ONE', 'TWO', 'THREE']) expect((await create(eventId, { code })).status).toBe(201);
      const first = await api.get(`/v1/events/${eventId}/vouchers?limit=2`);
      expect(first.body.items.map(({ code }: { code: string }) => code)).toEqual(['THREE', 'TWO']);
      const next = await api.get(`/v1/events/${eventId}/vouchers?limit=2&cursor=${first.body.nextCursor}`);
      expect(next.body.items.map(({ code }: { code: string }) => code)).toEqual(['ONE']);
      expect(next.body.nextCursor).toBeNull();
    });

    it('have codes that are unique per event, whatever their case', async () => {
      const { eventId } = await eventOnSale(api);
      const other = await eventOnSale(api);
      await create(eventId, { code: 'Early Bird' });
      expect((await create(eventId, { code: ' early bird' })).body).toMatchObject({ status: 409, code: 'voucher-code-taken' });
      expect((await create(other.eventId, { code: 'EARLY BIRD' })).status).toBe(201);
      const { body } = await create(eventId, { code: 'LATE' });
      const path = `/v1/events/${eventId}/vouchers/${body.id}`;
      expect((await api.patch(path, { code: 'EARLY bird' }, { 'if-match': '*' })).body.code).toBe('voucher-code-taken');
    });

    it('cannot be changed to a code that is short once trimmed', async () => {
      const { eventId } = await eventOnSale(api);
      const { body } = await create(eventId, { code: 'LATE' });
      const path = `/v1/events/${eventId}/vouchers/${body.id}`;
      for (const code of ['  A', 'A\u00a0\u00a0']) {
        const reply = await api.patch(path, { code, maxPerCustomer: 0 }, { 'if-match': '*' });
        expect(reply.body).toMatchObject({ status: 400, code: 'validation-failed' });
        expect(reply.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/code', '/maxPerCustomer']);
      }
      expect((await api.patch(path, { code: ' \u00a0AB1 ' }, { 'if-match': '*' })).body.code).toBe('AB1');
    });

    it.each([
      ['ΟΔΟΣ', 'οδοσ', 'οδος'],
      ['straße', 'STRASSE', 'Strasse'],
      ['CAFÉ', 'cafe\u0301', 'Café'],
      ['ＴＥＮ', 'ten'],
      ['ΐΐΐ', 'ΐΐΐ'.toUpperCase(), 'ΐΐΐ'.toUpperCase().normalize('NFC')],
    ])('have codes that are one however they are typed: %s', async (code, ...others) => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      expect((await create(eventId, { code })).body.code).toBe(code);
      for (const other of others) {
        expect((await create(eventId, { code: other })).body.code).toBe('voucher-code-taken');
        expect((await book(eventId, { [ticketTypeId]: 1 }, { voucherCode: other })).body.voucher.code).toBe(code);
      }
      expect((await book(eventId, { [ticketTypeId]: 1 }, { voucherCode: code })).status).toBe(201);
    });

    it('that were made when letters were compared one by one are still found, under what they were made as', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const { body } = await create(eventId, { code: 'Straße', maxRedemptions: 1 });
      await running.database.sql(`update vouchers set code_key = 'straße' where id = $1`, [body.id]);
      const order = (await book(eventId, { [ticketTypeId]: 1 }, { voucherCode: 'STRAßE' })).body;
      expect(order.voucher.code).toBe('Straße');
      expect((await book(eventId, { [ticketTypeId]: 1 }, { voucherCode: 'straße' })).body.code).toBe('voucher-exhausted');
    });

    it('create once however often the request is repeated with its key', async () => {
      const { eventId } = await eventOnSale(api);
      const post = () =>
        api.post(`/v1/events/${eventId}/vouchers`, { code: 'ONCE', discount: { percent: 1 } }, { 'idempotency-key': 'voucher' });
      const replies = await Promise.all([post(), post(), post()]);
      expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
      expect(replies.map(({ status }) => status)).toEqual([201, 201, 201]);
    });

    it.each([
      ['no discount', { discount: {} }, '/discount'],
      ['two discounts', { discount: { percent: 1, amount: money(1) } }, '/discount'],
      ['0 per cent', { discount: { percent: 0 } }, '/discount/percent'],
      ['101 per cent', { discount: { percent: 101 } }, '/discount/percent'],
      ['one and a half per cent', { discount: { percent: 1.5 } }, '/discount/percent'],
      ['another currency', { discount: { amount: money(100, 'USD') } }, '/discount/amount/currency'],
      ['a short code', { code: 'AB' }, '/code'],
      ['a code that is short once trimmed', { code: '  A' }, '/code'],
      ['a code that is short but for no-break spaces', { code: '\u00a0AB\u00a0' }, '/code'],
      ['a code of two characters, which are four for JavaScript', { code: ' \u{1f39f}\u{1f39f}' }, '/code'],
      ['a long code', { code: 'x'.repeat(41) }, '/code'],
      ['no ticket type', { ticketTypeIds: [] }, '/ticketTypeIds'],
      ['one ticket type twice', { ticketTypeIds: [UNKNOWN, UNKNOWN.toUpperCase()] }, '/ticketTypeIds'],
      ['an empty window', { startsAt: inDays(2), endsAt: inDays(1) }, '/endsAt'],
      ['redemptions of its own', { redemptions: 3 }, '/redemptions'],
    ])('refuse %s', async (_, voucher, pointer) => {
      const { eventId } = await eventOnSale(api);
      const { status, body } = await create(eventId, voucher);
      expect([status, body.code, body.errors?.map((error: { pointer: string }) => error.pointer)]).toEqual([
        400,
        'validation-failed',
        [pointer],
      ]);
    });

    it('refuse ticket types of other events', async () => {
      const { eventId } = await eventOnSale(api);
      const other = await eventOnSale(api);
      expect((await create(eventId, { ticketTypeIds: [other.ticketTypeId] })).body.code).toBe('ticket-type-not-found');
      expect((await create(UNKNOWN, {})).body.code).toBe('event-not-found');
    });
  });

  describe('a booking', () => {
    it('gets its discount, and shows it', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const voucher = await create(eventId, { discount: { percent: 15 } });
      const { status, body } = await book(eventId, { [ticketTypeId]: 3 }, { voucherCode: ' spring ' });
      expect(status).toBe(201);
      expect(body).toMatchObject({
        subtotal: money(13_500),
        adjustments: [{ code: 'voucher', label: 'Voucher SPRING', amount: money(-2_025) }],
        total: money(11_475),
        voucher: { voucherId: voucher.body.id, code: 'SPRING', discount: { percent: 15 }, ticketTypeIds: null },
      });
      expect((await api.get(`/v1/orders/${body.id}`)).body).toEqual(body);
      expect(await redemptions(eventId)).toBe(1);
    });

    it('rounds per cent half up, per order', async () => {
      const eventId = await createEvent(api);
      const type = (amount: number) => createTicketType(api, eventId, { name: `${amount}`, price: money(amount) });
      const [five, ten] = [await type(5), await type(10)];
      await api.post(`/v1/events/${eventId}/publish`);
      await create(eventId, { discount: { percent: 10 } });
      const off = async (items: Record<string, number>) => (await book(eventId, items)).body.adjustments[0]?.amount.amount ?? 0;
      expect(await off({ [five]: 1 })).toBe(-1);
      expect(await off({ [five]: 1, [ten]: 1 })).toBe(-2);
      expect(await off({ [ten]: 1 })).toBe(-1);
    });

    it('never costs less than nothing, and a fixed discount is at most the price of what it is for', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [10, 10]);
      const [first, second] = ticketTypeIds as [string, string];
      await create(eventId, { discount: { amount: money(10_000) }, ticketTypeIds: [first] });
      expect((await book(eventId, { [first]: 1, [second]: 1 })).body).toMatchObject({
        adjustments: [{ amount: money(-4_500) }],
        total: money(4_500),
      });
      expect((await book(eventId, { [first]: 3, [second]: 1 })).body.total).toEqual(money(8_000));
      expect((await book(eventId, { [first]: 1 })).body.total).toEqual(money(0));
    });

    it('keeps its discount when the voucher changes, and what is left of a partial cancellation is priced by it', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [10, 10]);
      const [first, second] = ticketTypeIds as [string, string];
      const { body: voucher } = await create(eventId, { discount: { amount: money(6_000) }, ticketTypeIds: [first] });
      const { body: order } = await book(eventId, { [first]: 2, [second]: 1 });
      expect(order.total).toEqual(money(7_500));
      const path = `/v1/events/${eventId}/vouchers/${voucher.id}`;
      await api.patch(path, { discount: { percent: 1 }, ticketTypeIds: null, code: 'OTHER' }, { 'if-match': '*' });
      const give = (ticketTypeId: string, quantity: number) =>
        api.post(`/v1/orders/${order.id}/cancel`, { items: [{ ticketTypeId, quantity }] });
      expect((await give(first, 1)).body).toMatchObject({ adjustments: [{ amount: money(-4_500) }], total: money(4_500) });
      expect((await give(first, 1)).body).toMatchObject({ adjustments: [], subtotal: money(4_500), total: money(4_500) });
      expect(await redemptions(eventId)).toBe(1);
    });

    it('is refused in one way whatever is wrong with the code, and nothing is booked', async () => {
      const { eventId, ticketTypeIds } = await eventOnSale(api, [10, 10]);
      const [first, second] = ticketTypeIds as [string, string];
      await create(eventId, { code: 'LATER', startsAt: inDays(1) });
      await create(eventId, { code: 'OVER', endsAt: inDays(-1) });
      await create(eventId, { code: 'OTHER TYPE', ticketTypeIds: [second] });
      const answers = await Promise.all(
        ['NO SUCH CODE', 'LATER', 'OVER', 'OTHER TYPE'].map(async (voucherCode) => {
          const { status, body } = await book(eventId, { [first]: 1 }, { voucherCode });
          return [status, body.code, body.detail] as const;
        }),
      );
      for (const answer of answers)
        expect(answer).toEqual([409, 'voucher-not-valid', 'The voucher code is not valid for this order.']);
      const availability = await api.get(`/v1/events/${eventId}/availability`);
      expect(availability.body.ticketTypes[0]).toMatchObject({ held: 0, sold: 0 });
    });

    it('with a key gives one redemption and one answer, however often it is repeated', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      await create(eventId, { maxRedemptions: 1 });
      const replies = await Promise.all(Array.from({ length: 10 }, () => book(eventId, { [ticketTypeId]: 1 }, {}, 'one')));
      expect(countByStatus(replies)).toEqual({ 201: 10 });
      expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
      expect(await redemptions(eventId)).toBe(1);
    });
  });
});
