import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { makeOverdue } from '../support/orders.js';

describe('the availability', () => {
  let running: TestApp;
  let api: ApiClient;

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  it('is to be asked for anew each time, and carries an ETag that stays while nothing changes', async () => {
    const { eventId } = await eventOnSale(api, [5]);
    const path = `/v1/events/${eventId}/availability`;
    const first = await api.get(path);
    expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'no-cache']);
    const etag = first.headers.get('etag')!;
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const same = await api.get(path, { 'if-none-match': tags });
      expect([same.status, same.body, same.headers.get('etag')]).toEqual([304, undefined, etag]);
      expect(same.headers.get('cache-control')).toBe('no-cache');
    }
    expect((await api.get(path)).headers.get('etag')).toBe(etag);
    expect((await api.get(path, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('has another ETag after each change of its numbers, of a name and of being on sale, and the old one after the way back', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
    const path = `/v1/events/${eventId}/availability`;
    const tagOf = async () => (await api.get(path)).headers.get('etag')!;
    const book = async (holdSeconds?: number): Promise<string> =>
      (await api.book(eventId, { [ticketTypeId]: 1 }, holdSeconds ? { holdSeconds } : {})).body.id;
    const change = (body: object) => api.patch(`/v1/events/${eventId}/ticket-types/${ticketTypeId}`, body, { 'if-match': '*' });

    const [empty, held] = [await tagOf(), (await book(60), await tagOf())];
    const order = (await api.get(`/v1/orders?eventId=${eventId}`)).body.items[0].id;
    await api.post(`/v1/orders/${order}/confirm`);
    const sold = await tagOf();
    await change({ capacity: 6 });
    const larger = await tagOf();
    await change({ name: 'Balcony' });
    const renamed = await tagOf();
    await api.patch(`/v1/events/${eventId}`, { salesCloseAt: '2020-01-01T00:00:00Z' }, { 'if-match': '*' });
    const closed = await tagOf();
    expect(new Set([empty, held, sold, larger, renamed, closed]).size).toBe(6);

    await api.patch(`/v1/events/${eventId}`, { salesCloseAt: null }, { 'if-match': '*' });
    await change({ capacity: 5, name: 'Type 1' });
    expect(await tagOf()).toBe(sold);
    await api.post(`/v1/orders/${order}/cancel`);
    expect(await tagOf()).toBe(empty);
    await makeOverdue(running.database, await book(60));
    expect(await tagOf()).toBe(empty);
  });

  it('stays the same when an order is changed in a way that moves no ticket', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [5]);
    const { id } = (await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 60 })).body;
    const etag = (await api.get(`/v1/events/${eventId}/availability`)).headers.get('etag')!;
    await api.post(`/v1/orders/${id}/extend`, { seconds: 90 });
    expect((await api.get(`/v1/events/${eventId}/availability`, { 'if-none-match': etag })).status).toBe(304);
  });

  it('of several ticket types leaves out the overdue holds of each, and of this event only', async () => {
    const { eventId, ticketTypeIds } = await eventOnSale(api, [5, 5]);
    const [first, second] = ticketTypeIds as [string, string];
    const other = await eventOnSale(api, [5]);
    const both = (await api.book(eventId, { [first]: 2, [second]: 1 }, { holdSeconds: 60 })).body;
    const one = (await api.book(eventId, { [second]: 2 }, { holdSeconds: 60 })).body;
    const elsewhere = (await api.book(other.eventId, { [other.ticketTypeId]: 1 }, { holdSeconds: 60 })).body;
    await api.book(eventId, { [first]: 1 }, { holdSeconds: 60 });
    await makeOverdue(running.database, both.id, elsewhere.id);
    const { body } = await api.get(`/v1/events/${eventId}/availability`);
    expect(body.ticketTypes).toMatchObject([
      { held: 1, sold: 0, available: 4 },
      { held: 2, sold: 0, available: 3 },
    ]);
    await makeOverdue(running.database, one.id);
    expect((await api.get(`/v1/events/${eventId}/availability`)).body.ticketTypes[1]).toMatchObject({ held: 0, available: 5 });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
