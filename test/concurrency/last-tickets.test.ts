import { startApp, type TestApp } from '../support/app.js';
import { countByStatus } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';

describe('the last tickets', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  it('500 at once for 100 tickets: exactly 100 get one, 400 hear that it is sold out', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    const replies = await Promise.all(Array.from({ length: 500 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
    expect(countByStatus(replies)).toEqual({ 201: 100, 409: 400 });
    expect(new Set(replies.filter(({ status }) => status === 409).map(({ body }) => body.code))).toEqual(new Set(['sold-out']));
    expect(await database.brokenInvariants()).toEqual([]);
  });
});
