import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import { startApp, type TestApp } from '../support/app.js';
import type { Reply } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { makeOverdue } from '../support/orders.js';
import { problemOf } from '../support/problems.js';

const LIMIT = 10;
const ATTEMPTS = 200;
const SPELLINGS = ['ada@example.com', 'ADA@Example.com', ' ada@example.com '];

/** Everything that one customer does at once, through two apps. */
describe('the limit of tickets per customer', () => {
  let apps: TestApp[] = [];

  beforeAll(async () => {
    const first = await startApp();
    apps = [first, await startApp({}, first.database)];
  });
  afterAll(async () => {
    for (const app of apps.toReversed()) await app.close();
  });

  const apiOf = (index: number) => apps[index % 2]!.api;
  const limitedEvent = () => eventOnSale(apiOf(0), [1_000], { maxTicketsPerCustomer: LIMIT });

  /** The most tickets that the customer had at any moment, by the history of the event; orders are whole or not at all here. */
  async function mostTickets(eventId: string): Promise<number> {
    const [row] = await apps[0]!.database.sql<{ most: number }>(
      `select max(tickets)::integer as most from (
         select sum(change) over (order by sequence) as tickets from (
           select h.sequence, i.quantity * ((h.to_status in ('held', 'confirmed'))::integer
                                            - (coalesce(h.from_status, 'none') in ('held', 'confirmed'))::integer) as change
             from order_history h join order_items i on i.order_id = h.order_id where h.event_id = $1) changes) running`,
      [eventId],
    );
    return row!.most;
  }

  async function expectExactlyFull(eventId: string, ticketTypeId: string): Promise<void> {
    // What is left of the limit can be booked, one by one, and not one more.
    let refused: Reply | undefined;
    for (let index = 0; index <= LIMIT && !refused; index++) {
      const reply = await apiOf(index).book(eventId, { [ticketTypeId]: 1 });
      if (reply.status !== 201) refused = reply;
    }
    expect(problemOf(refused!)).toEqual({
      status: 409,
      code: 'customer-limit-exceeded',
      limit: LIMIT,
      alreadyBooked: LIMIT,
    });
    expect(await mostTickets(eventId)).toBe(LIMIT);
    expect(await apps[0]!.database.brokenInvariants()).toEqual([]);
  }

  it(`is never passed by ${ATTEMPTS} holds and bookings at once, with confirmations and cancellations in between`, async () => {
    const { eventId, ticketTypeId } = await limitedEvent();
    const attempt = async (index: number): Promise<Reply> => {
      const reply = await apiOf(index).book(
        eventId,
        { [ticketTypeId]: 1 + (index % 3) },
        { email: SPELLINGS[index % 3]!, ...(index % 2 === 0 ? { holdSeconds: 600 } : {}) },
      );
      if (reply.status !== 201) return reply;
      if (index % 4 === 0) expect((await apiOf(index + 1).post(`/v1/orders/${reply.body.id}/confirm`)).status).toBe(200);
      if (index % 5 < 3) expect((await apiOf(index + 1).post(`/v1/orders/${reply.body.id}/cancel`)).status).toBe(200);
      return reply;
    };
    // In waves, so that there are attempts while others cancel.
    const waves = Array.from({ length: 20 }, async (_, worker) => {
      const replies: Reply[] = [];
      for (let index = worker; index < ATTEMPTS; index += 20) replies.push(await attempt(index));
      return replies;
    });
    const replies = (await Promise.all(waves)).flat();
    expect(new Set(replies.map(({ status, body }) => body.code ?? status))).toEqual(new Set([201, 'customer-limit-exceeded']));
    await expectExactlyFull(eventId, ticketTypeId);
  });

  it('is never passed by late payments that revive expired holds, against new bookings', async () => {
    const { eventId, ticketTypeId } = await limitedEvent();
    for (let round = 0; round < 10; round++) {
      const holds = await Promise.all(
        Array.from({ length: 5 }, (_, index) => apiOf(index).book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 600 })),
      );
      const ids = holds.map(({ body }) => body.id as string);
      await makeOverdue(apps[0]!.database, ...ids);
      // Half of the rounds find the expiry stored.
      if (round % 2 === 0) await apps[0]!.app.get(ExpireHoldsJob).runOnce();
      const replies = await Promise.all(
        ids.flatMap((id, index) => [
          apiOf(index + round).post(`/v1/orders/${id}/confirm`, { reviveIfAvailable: true }),
          apiOf(index + round + 1).book(eventId, { [ticketTypeId]: 2 }, { email: SPELLINGS[index % 3]! }),
        ]),
      );
      const got = replies.filter(({ status }) => status < 300);
      expect(got).toHaveLength(5);
      for (const reply of replies.filter(({ status }) => status >= 300)) {
        expect(problemOf(reply)).toMatchObject({ code: 'customer-limit-exceeded', alreadyBooked: LIMIT });
      }
      if (round === 9) break;
      await Promise.all(got.map(({ body }, index) => apiOf(index).post(`/v1/orders/${body.id}/cancel`)));
    }
    // An expiry is stored later than it happens, so here the end counts, not every line on the way.
    const refused = await apiOf(0).book(eventId, { [ticketTypeId]: 1 });
    expect(problemOf(refused)).toMatchObject({ code: 'customer-limit-exceeded', limit: LIMIT, alreadyBooked: LIMIT });
    expect(await apps[0]!.database.brokenInvariants()).toEqual([]);
  });
});
