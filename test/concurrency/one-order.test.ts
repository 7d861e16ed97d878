import { startApp, type TestApp } from '../support/app.js';
import { countByStatus, type Reply } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { blockedBackend } from '../support/faults.js';
import { makeOverdue } from '../support/orders.js';
import { problemOf } from '../support/problems.js';
import { countsOf, historyOf, stepsOf } from '../support/reads.js';

/** What arrives at two apps at once; each of them queues what it gets, so that only the lock of the event decides between them. */
describe('changes of one order that race', () => {
  let apps: TestApp[] = [];

  beforeAll(async () => {
    const first = await startApp();
    apps = [first, await startApp({}, first.database)];
  });
  afterAll(async () => {
    for (const app of apps.toReversed()) await app.close();
  });

  const [here, there] = [() => apps[0]!.api, () => apps[1]!.api];
  /** Sends all of them at once, in turn to the one app and to the other. */
  const atOnce = (requests: ReadonlyArray<[path: string, body: object]>): Promise<Reply[]> =>
    Promise.all(requests.map(([path, body], index) => apps[index % 2]!.api.post(path, body)));

  it('20 partial cancellations of one ticket each, of an order of 10: exactly 10 succeed, each with a version of its own', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(here(), [10]);
    const { body: order } = await here().book(eventId, { [ticketTypeId]: 10 }, { holdSeconds: 600 });
    const one = { items: [{ ticketTypeId, quantity: 1 }] };
    const replies = await atOnce(Array.from({ length: 20 }, () => [`/v1/orders/${order.id}/cancel`, one]));

    expect(countByStatus(replies)).toEqual({ 200: 10, 409: 10 });
    const accepted = replies.filter(({ status }) => status === 200).map(({ body }) => body);
    const left = accepted.map(({ version, items, total }) => [version, items[0].quantity, total.amount]);
    expect(left.toSorted(([a], [b]) => a - b)).toEqual([
      ...Array.from({ length: 9 }, (_, index) => [index + 2, 9 - index, 4500 * (9 - index)]),
      // The last ticket cancels the order, which keeps it to show.
      [11, 1, 4500],
    ]);
    for (const reply of replies.filter(({ status }) => status === 409)) {
      expect(problemOf(reply)).toEqual({ status: 409, code: 'order-not-cancellable', orderStatus: 'cancelled' });
    }
    expect(await stepsOf(here(), order.id)).toEqual(['hold', ...Array.from({ length: 9 }, () => 'cancel-partly'), 'cancel']);
    expect(await countsOf(here(), eventId)).toEqual([[0, 0, 10]]);
  });

  it('confirmations, extensions and cancellations: every answer is true of its moment in the history', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(here(), [100]);
    const steps = ['extend', 'confirm', 'extend', 'cancel', 'extend'];
    const race = async (round: number) => {
      const { body: order } = await here().book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 600 });
      // Another order of arrival in each round.
      const sent = Array.from({ length: 20 }, (_, index) => steps[(index * 3 + round) % steps.length]!);
      const replies = await atOnce(
        sent.map((step) => [`/v1/orders/${order.id}/${step}`, step === 'extend' ? { seconds: 900 } : {}]),
      );
      const history = await historyOf(here(), order.id);
      const accepted = (step: string) => replies.filter(({ status }, index) => sent[index] === step && status === 200);

      // A cancellation is possible all the time, so it has the last word.
      expect(history.at(-1)!.step).toBe('cancel');
      expect(accepted('cancel')).toHaveLength(sent.filter((step) => step === 'cancel').length);
      // The version that an answer shows is the number of its line of history.
      for (const [index, { status, body }] of replies.entries()) {
        if (status === 200) expect(history[body.version - 1]).toMatchObject({ step: sent[index], to: body.status });
        else expect(['confirmed', 'cancelled']).toContain(body.orderStatus);
      }
      expect(accepted('extend')).toHaveLength(history.filter(({ step }) => step === 'extend').length);
      expect(history.filter(({ step }) => step === 'confirm')).toHaveLength(accepted('confirm').length > 0 ? 1 : 0);
      expect(history.filter(({ step }) => step === 'cancel')).toHaveLength(1);
    };
    await Promise.all(Array.from({ length: 20 }, (_, round) => race(round)));
    expect(await countsOf(there(), eventId)).toEqual([[0, 0, 100]]);
  });

  it('20 revivals of one expired hold: it takes its tickets again once, and all hear the same', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(here(), [4]);
    const { body: order } = await here().book(eventId, { [ticketTypeId]: 3 }, { holdSeconds: 600 });
    await makeOverdue(apps[0]!.database, order.id);
    const path = `/v1/orders/${order.id}/confirm`;
    const replies = await atOnce(Array.from({ length: 20 }, () => [path, { reviveIfAvailable: true }]));
    expect(countByStatus(replies)).toEqual({ 200: 20 });
    for (const { body } of replies) expect(body).toEqual(replies[0]!.body);
    expect(await stepsOf(here(), order.id)).toEqual(['hold', 'expire', 'revive']);
    expect(await countsOf(here(), eventId)).toEqual([[0, 3, 1]]);
  });

  it('40 times, revivals of one hold against bookings of the same last tickets: one winner, and the others hear why', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(here(), [3]);
    const winners = new Set<string>();
    for (let round = 0; round < 40; round++) {
      const { body: order } = await here().book(eventId, { [ticketTypeId]: 3 }, { holdSeconds: 600 });
      await makeOverdue(apps[0]!.database, order.id);
      const confirm = ({ api }: TestApp) => api.post(`/v1/orders/${order.id}/confirm`, { reviveIfAvailable: true });
      const book = ({ api }: TestApp) => api.book(eventId, { [ticketTypeId]: 3 });
      // Each kind goes to both apps, and in turn one is sent first.
      const revivals = round % 2 === 0 ? [confirm, confirm, book, book] : [book, book, confirm, confirm];
      const replies = await Promise.all(revivals.map((send, index) => send(apps[index % 2]!)));
      const revived = replies.filter((_, index) => revivals[index] === confirm);
      const booked = replies.filter((_, index) => revivals[index] === book);

      const won = revived[0]!.status === 200 ? 'the hold' : 'a booking';
      winners.add(won);
      expect(countByStatus(revived)).toEqual(won === 'the hold' ? { 200: 2 } : { 409: 2 });
      expect(countByStatus(booked)).toEqual(won === 'the hold' ? { 409: 2 } : { 201: 1, 409: 1 });
      const shortages = [{ ticketTypeId, requested: 3, available: 0 }];
      const codes = [...revived.map(() => 'hold-expired'), ...booked.map(() => 'sold-out')];
      for (const [index, reply] of [...revived, ...booked].entries()) {
        if (reply.status === 409) expect(problemOf(reply)).toMatchObject({ code: codes[index], shortages });
      }
      const winner = [...revived, ...booked].find(({ status }) => status < 300)!;
      expect((await here().post(`/v1/orders/${winner.body.id}/cancel`)).status).toBe(200);
    }
    expect(winners).toEqual(new Set(['the hold', 'a booking']));
    expect(await countsOf(here(), eventId)).toEqual([[0, 0, 3]]);
  });

  it.each([
    ['alone', (id: string) => `/v1/orders/${id}`],
    ['in a list', (_: string, event: string) => `/v1/orders?eventId=${event}`],
    ['in the export of the customer', () => '/v1/customers/export?email=gives.back@example.com'],
  ])('read %s while tickets are given back: what is shown is the order before or after, never some of both', async (_, path) => {
    const { eventId, ticketTypeId } = await eventOnSale(here(), [3]);
    const { body: order } = await here().book(eventId, { [ticketTypeId]: 3 }, { email: 'gives.back@example.com' });
    const blocker = await apps[0]!.database.connect();
    await blocker.query('begin');
    await blocker.query('lock table order_items in access exclusive mode');
    const reading = here().get(path(order.id, eventId));
    await blockedBackend(apps[0]!.database);
    await blocker.query('update orders set total_amount = total_amount / 3, version = 2 where id = $1', [order.id]);
    await blocker.query('update order_items set quantity = 1 where order_id = $1', [order.id]);
    await blocker.query('update ticket_types set sold = 1 where id = $1', [ticketTypeId]);
    await blocker.query('commit');
    await blocker.end();
    const { body } = await reading;
    const { version, total, items } = [body, ...(body.items ?? []), ...(body.orders ?? [])].find(({ id }) => id === order.id);
    const { amount } = order.total;
    expect([
      [1, amount, 3],
      [2, amount / 3, 1],
    ]).toContainEqual([version, total.amount, items[0].quantity]);
  });

  it('and no invariant is broken after all this', async () => {
    expect(await apps[0]!.database.brokenInvariants()).toEqual([]);
  });
});
