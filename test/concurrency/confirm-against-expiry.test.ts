import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';

const ROUNDS = 200;

describe('the end of a hold', () => {
  let running: TestApp;

  beforeAll(async () => {
    // Turns of one, so that the rivals really race for the lock.
    running = await startApp({ LANE_BATCH_MAX: '1' });
  });
  afterAll(() => running.close());

  it(`${ROUNDS} confirmations at the boundary, against a rival and the sweeper: never both get the ticket, never neither`, async () => {
    const { api, app, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1]);
    const outcomes = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const body = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' }, hold: { seconds: 30 } };
      const hold = await api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': `hold-${round}` });
      expect(hold.status).toBe(201);
      // The end is some milliseconds before or after the moment at which the rivals arrive.
      await database.sql(`update orders set expires_at = clock_timestamp() + make_interval(secs => $2) where id = $1`, [
        hold.body.id,
        (round % 20) / 1000,
      ]);
      const [confirmed, rival] = await Promise.all([
        api.post(`/v1/orders/${hold.body.id}/confirm`),
        api.book(eventId, { [ticketTypeId]: 1 }),
        app.get(ExpireHoldsJob).runOnce(),
      ]);
      const codes = [confirmed, rival].map(({ status, body: answer }) => (status < 300 ? 'got it' : (answer.code as string)));
      // A rival who came while the hold lived hears that it is sold out, even if the hold ends before its confirmation comes.
      expect(['got it / sold-out', 'hold-expired / got it', 'hold-expired / sold-out']).toContain(codes.join(' / '));
      outcomes.add(codes.join(' / '));

      const [held] = await database.sql<{ status: string }>('select status from orders where id = $1', [hold.body.id]);
      if (codes[0] === 'got it') expect(held!.status).toBe('confirmed');
      else expect((await api.get(`/v1/orders/${hold.body.id}`)).body.status).toBe('expired');
      // Whoever has the ticket gives it back; when it was nobody, it is there for the next.
      const next = codes.includes('got it')
        ? [confirmed, rival].find(({ status }) => status < 300)!
        : await api.book(eventId, { [ticketTypeId]: 1 });
      expect(next.status).toBeLessThan(300);
      expect((await api.post(`/v1/orders/${next.body.id}/cancel`)).status).toBe(200);
    }
    expect(outcomes).toContain('got it / sold-out');
    expect(outcomes).toContain('hold-expired / got it');
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('20 revivals of one expired hold at once: one of them takes the tickets again, all hear the same', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [4]);
    const body = { items: [{ ticketTypeId, quantity: 3 }], customer: { email: 'ada@example.com' }, hold: { seconds: 30 } };
    const hold = await api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': 'revived' });
    await database.sql('update orders set expires_at = created_at where id = $1', [hold.body.id]);
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => api.post(`/v1/orders/${hold.body.id}/confirm`, { reviveIfAvailable: true })),
    );
    expect(new Set(replies.map(({ status, body: order }) => `${status} ${order.status} ${order.version}`))).toEqual(
      new Set(['200 confirmed 3']),
    );
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('revivals race with bookings for the same tickets: never oversold', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
    const holds = [];
    for (let index = 0; index < 5; index++) {
      const body = { items: [{ ticketTypeId, quantity: 2 }], customer: { email: 'ada@example.com' }, hold: { seconds: 30 } };
      holds.push(await api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': `racing-${index}` }));
    }
    await database.sql('update orders set expires_at = created_at where event_id = $1', [eventId]);
    const replies = await Promise.all(
      holds.flatMap(({ body }) => [
        api.book(eventId, { [ticketTypeId]: 2 }),
        api.post(`/v1/orders/${body.id}/confirm`, { reviveIfAvailable: true }),
      ]),
    );
    const refused = replies.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(5);
    for (const { body } of refused) {
      expect(['sold-out', 'hold-expired']).toContain(body.code);
      expect(body.shortages).toEqual([{ ticketTypeId, requested: 2, available: 0 }]);
    }
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('20 partial cancellations at once of an order of 10: exactly 10 give a ticket back', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
    const order = await api.book(eventId, { [ticketTypeId]: 10 });
    const replies = await Promise.all(
      Array.from({ length: 20 }, () =>
        api.post(`/v1/orders/${order.body.id}/cancel`, { items: [{ ticketTypeId, quantity: 1 }] }),
      ),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(10);
    const refused = replies.filter(({ status }) => status !== 200).map(({ body }) => body.code);
    expect(new Set(refused)).toEqual(new Set(['order-not-cancellable']));
    expect((await api.get(`/v1/events/${eventId}/availability`)).body.ticketTypes[0]).toMatchObject({ sold: 0, available: 10 });
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
