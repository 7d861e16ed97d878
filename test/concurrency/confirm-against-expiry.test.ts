import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { problemOf } from '../support/problems.js';
import { countsOf, stepsOf } from '../support/reads.js';

const ROUNDS = 200;

describe('the end of a hold', () => {
  let apps: TestApp[] = [];

  beforeAll(async () => {
    // Two apps, since one would let its own requests wait for each other: only the lock of the event decides between them.
    const first = await startApp();
    apps = [first, await startApp({}, first.database)];
  });
  afterAll(async () => {
    for (const app of apps.toReversed()) await app.close();
  });

  it(`${ROUNDS} times, a confirmation at the boundary against a rival and the sweeper: never both get the tickets, never neither`, async () => {
    const { api, database } = apps[0]!;
    const { eventId, ticketTypeId } = await eventOnSale(api, [2]);
    const outcomes: Record<string, number> = {};
    // Follows the outcomes, so that it stays at the boundary on a slow machine as well as on a fast one.
    let millisecondsLeft = 5;
    for (let round = 0; round < ROUNDS; round++) {
      const [one, other] = round % 2 === 0 ? [apps[0]!, apps[1]!] : [apps[1]!, apps[0]!];
      const { body: order } = await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 600 });
      expect(order.status).toBe('held');
      const path = `/v1/orders/${order.id}/confirm`;
      const confirm = () => one.api.post(path);
      const book = () => other.api.book(eventId, { [ticketTypeId]: 2 });
      await database.sql(
        `update orders set expires_at = greatest(created_at, clock_timestamp() + make_interval(secs => $2)) where id = $1`,
        [order.id, millisecondsLeft / 1000],
      );
      const swept = other.app.get(ExpireHoldsJob).runOnce();
      // In turn the one or the other is sent first.
      const replies = round % 4 < 2 ? [confirm(), book()] : [book(), confirm()];
      const [confirmed, rival] = await Promise.all(round % 4 < 2 ? replies : replies.toReversed());
      await swept;

      const outcome = [confirmed!, rival!].map((reply) => (reply.status < 300 ? 'got it' : problemOf(reply).code)).join(' / ');
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      // A rival who came while the hold lived hears that it is sold out, even if the hold ends before its confirmation comes.
      expect(['got it / sold-out', 'hold-expired / got it', 'hold-expired / sold-out']).toContain(outcome);
      const status = (await api.get(`/v1/orders/${order.id}`)).body.status;
      expect(status).toBe(confirmed!.status === 200 ? 'confirmed' : 'expired');
      millisecondsLeft = Math.max(0, millisecondsLeft + (status === 'confirmed' ? -1 : 1));

      // Tickets that nobody got are there for the next, whether or not the expiry was stored.
      const winner = [confirmed!, rival!].find((reply) => reply.status < 300) ?? (await book());
      expect(winner.status).toBeLessThan(300);
      expect(await countsOf(api, eventId)).toEqual([[0, 2, 0]]);
      const steps = await stepsOf(api, order.id);
      expect(steps).toEqual(status === 'confirmed' ? ['hold', 'confirm'] : ['hold', 'expire']);
      expect((await api.post(`/v1/orders/${winner.body.id}/cancel`)).status).toBe(200);
    }
    // Else it was not the boundary.
    expect(Object.keys(outcomes)).toEqual(expect.arrayContaining(['got it / sold-out', 'hold-expired / got it']));
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('late payments for five expired holds, each sent twice, race with bookings for the same tickets: each ticket has one buyer', async () => {
    const { api, database } = apps[0]!;
    const { eventId, ticketTypeId } = await eventOnSale(api, [10]);
    const book = (app: TestApp) => app.api.book(eventId, { [ticketTypeId]: 2 });
    const holds = await Promise.all(
      Array.from({ length: 5 }, () => api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 600 })),
    );
    await database.sql('update orders set expires_at = created_at where event_id = $1', [eventId]);
    const replies = await Promise.all(
      holds.flatMap(({ body }, index) => [
        book(apps[index % 2]!),
        ...apps.map((app) => app.api.post(`/v1/orders/${body.id}/confirm`, { reviveIfAvailable: true })),
      ]),
    );
    const winners = new Set(replies.filter(({ status }) => status < 300).map(({ body }) => body.id as string));
    expect(winners.size).toBe(5);
    for (const reply of replies.filter(({ status }) => status >= 300)) {
      expect(['sold-out', 'hold-expired']).toContain(problemOf(reply).code);
      expect(problemOf(reply)['shortages']).toEqual([{ ticketTypeId, requested: 2, available: 0 }]);
    }
    expect(await countsOf(api, eventId)).toEqual([[0, 10, 0]]);
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
