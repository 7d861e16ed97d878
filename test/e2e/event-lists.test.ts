import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { createEvent, createTicketType, inDays } from '../support/factories.js';
import { walk } from '../support/pages.js';
import { problemOf } from '../support/problems.js';

interface Listed {
  id: string;
  name: string;
}

describe('the list of events', () => {
  let running: TestApp;
  let api: ApiClient;
  const expected: string[] = [];

  const names = async (query: string) => (await walk<Listed>(api, `/v1/events?${query}`, 50)).map(({ name }) => name);

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
    // 3 × 4 events that start at the same times, created in mixed order.
    const starts = [inDays(12), inDays(10), inDays(11)];
    const made: Array<{ startsAt: string; id: string }> = [];
    for (let index = 0; index < 12; index++) {
      const startsAt = starts[index % 3]!;
      made.push({ startsAt, id: await createEvent(api, { name: `Page ${index}`, startsAt }) });
    }
    const sorted = made.toSorted((a, b) => (a.startsAt + a.id < b.startsAt + b.id ? -1 : 1));
    expected.push(...sorted.map(({ id }) => id));
  });
  afterAll(() => running.close());

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 200])(
    'soonest first, each once, none missing, in pages of %d',
    async (limit) => {
      const items = await walk<Listed>(api, '/v1/events?q=Page', limit);
      expect(items.map(({ id }) => id)).toEqual(expected);
    },
  );

  it('keeps its place when events come and go between two pages', async () => {
    const first = await api.get('/v1/events?q=Page&limit=6');
    await createEvent(api, { name: 'Page before', startsAt: inDays(9) });
    const late = await createEvent(api, { name: 'Page after', startsAt: inDays(13) });
    const second = await api.get(`/v1/events?q=Page&limit=50&cursor=${first.body.nextCursor}`);
    expect(second.body.items.map(({ id }: Listed) => id)).toEqual([...expected.slice(6), late]);
    expect(second.body.nextCursor).toBeNull();
  });

  it('has 50 items by default, and shows each as it is when read alone', async () => {
    const events = Array.from({ length: 51 }, (_, index) =>
      createEvent(api, { name: `Many ${index}`, startsAt: '2033-01-01T00:00:00Z' }),
    );
    const [id] = await Promise.all(events);
    await createTicketType(api, id!);
    const { headers, body } = await api.get('/v1/events?q=many');
    expect(body.items).toHaveLength(50);
    expect(body.nextCursor).toEqual(expect.any(String));
    expect(headers.get('etag')).toBeNull();
    const all = await walk<Listed>(api, '/v1/events?q=many', 200);
    expect(all.find((event) => event.id === id)).toEqual((await api.get(`/v1/events/${id}`)).body);
  });

  it('an empty list has no next page', async () => {
    expect((await api.get('/v1/events?q=nothing-like-it')).body).toEqual({ items: [], nextCursor: null });
  });

  describe('q', () => {
    const texts = ['100% jazz', '100 jazz', 'under_score', 'underXscore', String.raw`back\slash`, 'backslash', "it's?"];
    beforeAll(async () => {
      for (const [index, name] of texts.entries()) await createEvent(api, { name, startsAt: inDays(100 + index) });
      await createEvent(api, { name: 'By venue', venue: 'Zirkus Krone', startsAt: inDays(200) });
      await createEvent(api, { name: 'By description', description: 'mit Krone', startsAt: inDays(201) });
    });

    it.each([
      ['%', ['100% jazz']],
      ['_', ['under_score']],
      ['r_s', ['under_score']],
      ['\\', [String.raw`back\slash`]],
      ['0% J', ['100% jazz']],
      ["'s?", ["it's?"]],
      ['krone', ['By venue', 'By description']],
      ['  KRONE ', ['By venue', 'By description']],
      ["' or 1=1 --", []],
    ])('finds %j literally, in any case, in name, venue and description', async (text, found) => {
      expect(await names(`q=${encodeURIComponent(text)}`)).toEqual(found);
    });
  });

  describe('filters', () => {
    beforeAll(async () => {
      await createEvent(api, { name: 'F draft', startsAt: '2040-01-01T00:00:00Z' });
      const published = await createEvent(api, { name: 'F published', startsAt: '2040-01-02T00:00:00Z' });
      await api.post(`/v1/events/${published}/publish`);
      const cancelled = await createEvent(api, { name: 'F cancelled', startsAt: '2040-01-03T00:00:00Z' });
      await api.post(`/v1/events/${cancelled}/cancel`);
    });

    it.each([
      ['status=draft&startsAfter=2040-01-01T00:00:00Z', ['F draft']],
      ['status=published', ['F published']],
      ['status=cancelled', ['F cancelled']],
      ['startsAfter=2040-01-02T00:00:00Z', ['F published', 'F cancelled']],
      ['startsAfter=2040-01-02T00:00:00.001Z', ['F cancelled']],
      ['startsAfter=2040-01-02T01:00:00%2B01:00&startsBefore=2040-01-03T00:00:00Z', ['F published']],
      ['startsAfter=2040-01-01T00:00:00Z&startsBefore=2040-01-01T00:00:00Z', []],
      ['q=F%20&status=cancelled&startsAfter=2040-01-01T00:00:00Z', ['F cancelled']],
    ])('%s', async (query, found) => {
      expect(await names(query)).toEqual(found);
    });

    it('hold for the pages that follow', async () => {
      const items = await walk<Listed>(api, '/v1/events?startsAfter=2040-01-01T00:00:00Z&q=f%20', 1);
      expect(items.map(({ name }) => name)).toEqual(['F draft', 'F published', 'F cancelled']);
    });

    it('a broken cursor: 400 malformed-request', async () => {
      expect(problemOf(await api.get('/v1/events?cursor=broken'))).toEqual({ status: 400, code: 'malformed-request' });
    });
  });
});
