import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { ADMIN } from '../support/api-keys.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient, Reply } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { stopJobs } from '../support/jobs.js';
import { makeOverdue } from '../support/orders.js';
import { pointersOf, problemOf } from '../support/problems.js';
import { countsOf, historyOf, stepsOf } from '../support/reads.js';

describe('holds', () => {
  let running: TestApp;
  let api: ApiClient;

  const hold = async (quantity = 2, holdSeconds = 600, capacity = 5) => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [capacity]);
    const reply = await api.book(eventId, { [ticketTypeId]: quantity }, { holdSeconds });
    const { id } = reply.body as { id: string };
    const post = (step: string, body?: object, key?: string) =>
      api.post(`/v1/orders/${id}/${step}`, body, key === undefined ? {} : { 'idempotency-key': key });
    return { eventId, ticketTypeId, reply, order: reply.body, id, post };
  };

  /** How long a hold lasts from when the order was last changed, in seconds. */
  const lifeOf = ({ body }: Reply) => (Date.parse(body.expiresAt) - Date.parse(body.updatedAt)) / 1000;
  const tooLong = { status: 400, code: 'validation-failed' };

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
    await stopJobs(running, ExpireHoldsJob);
  });
  afterAll(() => running.close());

  it('book with hold: held until expiresAt, and counted as held', async () => {
    const { reply, eventId, id } = await hold(2, 600);
    expect([reply.status, reply.headers.get('location'), reply.headers.get('etag')]).toEqual([201, `/v1/orders/${id}`, '"1"']);
    expect(reply.body).toMatchObject({ status: 'held', confirmedAt: null, paymentReference: null, cancelledAt: null });
    expect(lifeOf(reply)).toBe(600);
    expect(await countsOf(api, eventId)).toEqual([[2, 0, 3]]);
    expect((await api.get(`/v1/orders/${id}`)).body).toEqual(reply.body);
    expect(await historyOf(api, id)).toEqual([
      { sequence: 1, step: 'hold', from: null, to: 'held', at: reply.body.createdAt, actor: ADMIN.caller, reason: null },
    ]);
  });

  it('take tickets from others, as sales do', async () => {
    const { eventId, ticketTypeId } = await hold(4);
    const refused = problemOf(await api.book(eventId, { [ticketTypeId]: 2 }));
    expect(refused).toMatchObject({ code: 'sold-out', shortages: [{ requested: 2, available: 1 }] });
    expect((await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 30 })).status).toBe(201);
    expect(await countsOf(api, eventId)).toEqual([[5, 0, 0]]);
  });

  it.each([30, 3_600])('of %d seconds are allowed', async (seconds) => {
    const { reply } = await hold(1, seconds);
    expect([reply.status, lifeOf(reply)]).toEqual([201, seconds]);
  });

  it.each([29, 3_601, 0, -60])('of %d seconds are not', async (seconds) => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
    const reply = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: seconds });
    expect(problemOf(reply)).toMatchObject(tooLong);
    expect(pointersOf(reply)).toEqual(['/hold/seconds']);
    expect(await countsOf(api, eventId)).toEqual([[0, 0, 5]]);
  });

  it('by a key once: the repeat gets the same hold', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
    const send = () => api.book(eventId, { [ticketTypeId]: 2 }, { key: `hold ${eventId}`, holdSeconds: 600 });
    const [first, second] = [await send(), await send()];
    expect([second.status, second.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    expect(second.body).toEqual(first.body);
    expect(await countsOf(api, eventId)).toEqual([[2, 0, 3]]);
  });

  describe('confirming', () => {
    it('sells the tickets, and keeps the payment reference', async () => {
      const { id, eventId, post } = await hold();
      const reply = await post('confirm', { paymentReference: 'pay_1' });
      expect([reply.status, reply.headers.get('etag')]).toEqual([200, '"2"']);
      const { confirmedAt, updatedAt } = reply.body;
      expect(reply.body).toMatchObject({ status: 'confirmed', paymentReference: 'pay_1', expiresAt: null, sequence: 1 });
      expect(confirmedAt).toBe(updatedAt);
      expect(await countsOf(api, eventId)).toEqual([[0, 2, 3]]);
      expect((await api.get(`/v1/orders/${id}`)).body).toEqual(reply.body);
      expect((await historyOf(api, id)).slice(1)).toEqual([
        { sequence: 2, step: 'confirm', from: 'held', to: 'confirmed', at: confirmedAt, actor: ADMIN.caller, reason: null },
      ]);
    });

    it('needs no body', async () => {
      const { post } = await hold();
      expect((await post('confirm')).body).toMatchObject({ status: 'confirmed', paymentReference: null });
    });

    it('again: 200, the same order at the same version, and no second line', async () => {
      const { id, eventId, post } = await hold();
      const first = await post('confirm', { paymentReference: 'pay_1' });
      for (const body of [{ paymentReference: 'pay_2' }, { reviveIfAvailable: true }, undefined]) {
        const again = await post('confirm', body);
        expect([again.status, again.body, again.headers.get('etag')]).toEqual([200, first.body, '"2"']);
      }
      expect(await stepsOf(api, id)).toEqual(['hold', 'confirm']);
      expect(await countsOf(api, eventId)).toEqual([[0, 2, 3]]);
    });

    it('of an order that was booked without a hold: 200, unchanged', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const order = (await api.book(eventId, { [ticketTypeId]: 1 })).body;
      const reply = await api.post(`/v1/orders/${order.id}/confirm`, { paymentReference: 'pay_1' });
      expect([reply.status, reply.body]).toEqual([200, order]);
    });
  });

  describe('extending', () => {
    it('ends the hold that many seconds from now', async () => {
      const { id, eventId, order, post } = await hold(2, 60);
      const reply = await post('extend', { seconds: 600 });
      expect([reply.status, reply.headers.get('etag'), lifeOf(reply)]).toEqual([200, '"2"', 600]);
      expect(reply.body).toEqual({ ...order, expiresAt: reply.body.expiresAt, updatedAt: reply.body.updatedAt, version: 2 });
      expect(await countsOf(api, eventId)).toEqual([[2, 0, 3]]);
      expect((await historyOf(api, id)).at(-1)).toMatchObject({ sequence: 2, step: 'extend', from: 'held', to: 'held' });
    });

    it('may shorten it, too', async () => {
      const { post } = await hold(2, 3_600);
      expect(lifeOf(await post('extend', { seconds: 30 }))).toBe(30);
    });

    it('lets a hold live an hour in all and no longer, counted from its booking', async () => {
      const { id, order, post } = await hold(2, 600);
      const old = `created_at = created_at - interval '50 minutes', updated_at = updated_at - interval '50 minutes'`;
      await running.database.sql(`update orders set ${old} where id = $1`, [id]);
      const reply = await post('extend', { seconds: 605 });
      expect(problemOf(reply)).toMatchObject(tooLong);
      expect(pointersOf(reply)).toEqual(['/seconds']);
      expect((await api.get(`/v1/orders/${id}`)).body).toMatchObject({ version: 1, expiresAt: order.expiresAt });
      expect((await post('extend', { seconds: 300 })).status).toBe(200);
      expect(await stepsOf(api, id)).toEqual(['hold', 'extend']);
    });
  });

  describe('with HOLD_MAX_SECONDS=120', () => {
    let short: TestApp;

    beforeAll(async () => {
      short = await startApp({ HOLD_MAX_SECONDS: '120' }, running.database);
    });
    afterAll(() => short.close());

    it('a hold is at most that long, when it is made and with its extensions', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
      const book = (holdSeconds: number) => short.api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds });
      const refused = await book(121);
      expect(problemOf(refused)).toMatchObject(tooLong);
      expect(pointersOf(refused)).toEqual(['/hold/seconds']);
      const order = (await book(120)).body;
      await running.database.sql(
        `update orders set created_at = created_at - interval '1 minute', updated_at = created_at where id = $1`,
        [order.id],
      );
      expect(pointersOf(await short.api.post(`/v1/orders/${order.id}/extend`, { seconds: 65 }))).toEqual(['/seconds']);
      expect((await short.api.post(`/v1/orders/${order.id}/extend`, { seconds: 30 })).status).toBe(200);
      expect(await countsOf(api, eventId)).toEqual([[1, 0, 4]]);
    });
  });

  it('cancelling gives back what was held', async () => {
    const { id, eventId, post } = await hold();
    const reply = await post('cancel', { reason: 'changed my mind' });
    expect(reply.body).toMatchObject({
      status: 'cancelled',
      expiresAt: null,
      confirmedAt: null,
      cancelReason: 'changed my mind',
    });
    expect(await countsOf(api, eventId)).toEqual([[0, 0, 5]]);
    const line = { sequence: 2, step: 'cancel', from: 'held', to: 'cancelled', actor: ADMIN.caller, reason: 'changed my mind' };
    expect((await historyOf(api, id)).at(-1)).toEqual({ ...line, at: reply.body.cancelledAt });
  });

  it.each([
    ['confirm', { paymentReference: 'pay_1' }],
    ['extend', { seconds: 900 }],
    ['cancel', { reason: 'ill' }],
    ['cancel', { reason: 'ill', items: true }],
  ] as const)('%s %j with a key: one effect, one answer, also ten at once', async (step, given) => {
    const { id, ticketTypeId, post } = await hold();
    const body = 'items' in given ? { ...given, items: [{ ticketTypeId, quantity: 1 }] } : given;
    const replies = await Promise.all(Array.from({ length: 10 }, () => post(step, body, `${step} ${id}`)));
    const later = await post(step, body, `${step} ${id}`);
    expect(new Set([...replies, later].map((reply) => JSON.stringify([reply.status, reply.body])))).toEqual(
      new Set([JSON.stringify([200, replies[0]!.body])]),
    );
    expect(later.headers.get('idempotent-replayed')).toBe('true');
    expect(later.body.version).toBe(2);
    expect(await stepsOf(api, id)).toHaveLength(2);
  });

  it('a key of one step is not that of another, nor of another order', async () => {
    const [one, other] = [await hold(), await hold()];
    await one.post('confirm', {}, `key ${one.id}`);
    const reused = { status: 422, code: 'idempotency-key-reused' };
    expect(problemOf(await one.post('cancel', {}, `key ${one.id}`))).toEqual(reused);
    expect(problemOf(await other.post('confirm', {}, `key ${one.id}`))).toEqual(reused);
    expect((await api.get(`/v1/orders/${other.id}`)).body).toEqual(other.order);
  });

  it('the steps of several orders are numbered by the event, without a gap', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [20]);
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) {
      ids.push((await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 60 })).body.id);
    }
    await Promise.all([
      api.post(`/v1/orders/${ids[0]}/confirm`),
      api.post(`/v1/orders/${ids[1]}/extend`, { seconds: 90 }),
      api.post(`/v1/orders/${ids[2]}/cancel`),
      api.post(`/v1/orders/${ids[3]}/cancel`, { items: [{ ticketTypeId, quantity: 1 }] }),
    ]);
    const lines = (await Promise.all(ids.map((id) => historyOf(api, id)))).flat();
    expect(lines.map(({ sequence }) => sequence).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await countsOf(api, eventId)).toEqual([[3, 2, 15]]);
  });

  describe('a step that the state does not allow', () => {
    const reach: Record<string, (order: Awaited<ReturnType<typeof hold>>) => Promise<unknown>> = {
      confirmed: ({ post }) => post('confirm'),
      cancelled: ({ post }) => post('cancel'),
      expired: ({ id }) => makeOverdue(running.database, id),
    };

    it.each([
      ['confirmed', 'extend', 'order-not-held'],
      ['cancelled', 'confirm', 'order-not-held'],
      ['cancelled', 'revive', 'order-not-held'],
      ['cancelled', 'extend', 'order-not-held'],
      ['cancelled', 'cancel-partly', 'order-not-cancellable'],
      ['expired', 'confirm', 'hold-expired'],
      ['expired', 'extend', 'hold-expired'],
      ['expired', 'cancel', 'order-not-cancellable'],
      ['expired', 'cancel-partly', 'order-not-cancellable'],
    ])('%s: %s is refused with %s, and nothing changes', async (state, step, code) => {
      const held = await hold();
      await reach[state]!(held);
      const before = (await api.get(`/v1/orders/${held.id}`)).body;
      expect(before.status).toBe(state);
      const bodies: Record<string, object> = {
        revive: { reviveIfAvailable: true },
        extend: { seconds: 60 },
        'cancel-partly': { items: [{ ticketTypeId: held.ticketTypeId, quantity: 1 }] },
      };
      const route = { revive: 'confirm', 'cancel-partly': 'cancel' }[step] ?? step;
      const counts = await countsOf(api, held.eventId);
      const steps = await stepsOf(api, held.id);
      const problem = problemOf(await held.post(route, bodies[step] ?? {}, `refused ${held.id}`));
      const why = code === 'hold-expired' ? { expiresAt: before.expiresAt } : { orderStatus: state };
      expect(problem).toEqual({ status: 409, code, ...why });
      expect((await api.get(`/v1/orders/${held.id}`)).body).toEqual(before);
      expect(await countsOf(api, held.eventId)).toEqual(counts);
      expect(await stepsOf(api, held.id)).toEqual(steps);
    });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
