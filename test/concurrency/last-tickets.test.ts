import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';

describe('the last tickets', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  async function left(eventId: string): Promise<number[]> {
    const { body } = await running.api.get(`/v1/events/${eventId}/availability`);
    return body.ticketTypes.map(({ available }: { available: number }) => available);
  }

  it('500 at once for 100 tickets: exactly 100 get one, 400 hear that it is sold out', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    const replies = await Promise.all(Array.from({ length: 500 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
    expect(countByStatus(replies)).toEqual({ 201: 100, 409: 400 });
    const refused = replies.filter(({ status }) => status === 409);
    expect(new Set(refused.map(({ body }) => body.code))).toEqual(new Set(['sold-out']));
    expect(refused[0]!.body.shortages).toEqual([{ ticketTypeId, requested: 1, available: 0 }]);
    expect(await left(eventId)).toEqual([0]);
    const sequences = replies.flatMap(({ status, body }) => (status === 201 ? [body.sequence as number] : []));
    expect(sequences.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('mixed quantities: what is sold is what was answered, and only what fits nobody is left', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    const quantities = Array.from({ length: 200 }, (_, index) => 1 + (index % 7));
    const replies = await Promise.all(quantities.map((quantity) => api.book(eventId, { [ticketTypeId]: quantity })));
    const sold = replies.reduce((sum, { status }, index) => sum + (status === 201 ? quantities[index]! : 0), 0);
    // 28 buyers want a single ticket, so nothing can be left over.
    expect(sold).toBe(100);
    expect(await left(eventId)).toEqual([0]);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('several ticket types: all items of a booking or none', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeIds } = await eventOnSale(api, [60, 40, 20]);
    const [a, b, c] = ticketTypeIds as [string, string, string];
    const baskets = [{ [a]: 1, [b]: 1 }, { [b]: 1, [a]: 1 }, { [c]: 1, [b]: 2 }, { [a]: 2 }, { [c]: 2, [a]: 1, [b]: 1 }];
    const replies = await Promise.all(
      Array.from({ length: 250 }, (_, index) => api.book(eventId, baskets[index % baskets.length]!)),
    );
    const sold = new Map<string, number>();
    for (const { status, body } of replies) {
      for (const item of status === 201 ? body.items : [])
        sold.set(item.ticketTypeId, (sold.get(item.ticketTypeId) ?? 0) + item.quantity);
    }
    expect(await left(eventId)).toEqual([60 - sold.get(a)!, 40 - sold.get(b)!, 20 - sold.get(c)!]);
    expect(countByStatus(replies)[201]! + countByStatus(replies)[409]!).toBe(250);
    expect(sold.get(b)).toBe(40);
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('a customer limit is not passed by 200 attempts at once', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1000], { maxTicketsPerCustomer: 7 });
    const emails = ['ada@example.com', 'ADA@Example.com', ' ada@example.com '];
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, index) => api.book(eventId, { [ticketTypeId]: 2 }, { email: emails[index % 3]! })),
    );
    expect(countByStatus(replies)).toEqual({ 201: 3, 409: 197 });
    expect(replies.find(({ status }) => status === 409)!.body).toMatchObject({
      code: 'customer-limit-exceeded',
      limit: 7,
      alreadyBooked: 6,
    });
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
