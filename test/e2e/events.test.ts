import { startApp, type TestApp } from '../support/app.js';
import { countByStatus, type ApiClient } from '../support/client.js';
import { createEvent, createTicketType, eventBody, eventOnSale, inDays } from '../support/factories.js';
import { pointersOf, problemOf } from '../support/problems.js';

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';
const TIME = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const UUID_V7 = expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);

describe('events', () => {
  let running: TestApp;
  let api: ApiClient;

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  describe('creating', () => {
    it('answers the draft, member by member, with its address and version', async () => {
      const given = {
        name: 'Midsummer',
        description: 'Two sets.',
        venue: 'Harbour',
        startsAt: '2031-06-19T20:00:00.123+02:00',
        endsAt: '2031-06-19t22:00:00z',
        timeZone: 'Europe/Berlin',
        currency: 'EUR',
        salesOpenAt: '2031-01-01T00:00:00Z',
        salesCloseAt: '2031-06-19T15:00:00.9Z',
        maxTicketsPerCustomer: 10,
        metadata: { season: 'summer' },
      };
      const { status, headers, body } = await api.post('/v1/events', given);
      expect(status).toBe(201);
      expect(body).toEqual({
        ...given,
        id: UUID_V7,
        startsAt: '2031-06-19T18:00:00.123Z',
        endsAt: '2031-06-19T22:00:00.000Z',
        salesOpenAt: '2031-01-01T00:00:00.000Z',
        salesCloseAt: '2031-06-19T15:00:00.900Z',
        status: 'draft',
        ticketTypes: [],
        version: 1,
        createdAt: TIME,
        updatedAt: body.createdAt,
      });
      expect(headers.get('location')).toBe(`/v1/events/${body.id}`);
      expect(headers.get('etag')).toBe('"1"');
      expect((await api.get(headers.get('location')!)).body).toEqual(body);
    });

    it('takes absent members as null, and metadata as empty', async () => {
      const { body } = await api.post('/v1/events', eventBody());
      expect(body).toMatchObject({
        description: null,
        venue: null,
        endsAt: null,
        salesOpenAt: null,
        salesCloseAt: null,
        maxTicketsPerCustomer: null,
        metadata: {},
      });
    });

    it.each([
      `O'Brien "quotes" \\ backslash`,
      'what? ?? ??? $1 :name: %s ; -- /* */',
      'Zoë 🎟️ 日本語 \u202E rtl',
      'a\nb\tc',
      '😀'.repeat(200),
      '☺️'.repeat(100),
    ])('keeps any text as it is: %j', async (text) => {
      const names = [text.slice(0, 20), 'then', 'toJSON', '$gt', '1'];
      const metadata = Object.fromEntries(names.map((name) => [name, text]));
      const created = await api.post('/v1/events', eventBody({ name: text, description: text, venue: text, metadata }));
      expect(created.body).toMatchObject({ name: text, description: text, venue: text, metadata });
      expect((await api.get(`/v1/events/${created.body.id}`)).body).toEqual(created.body);
    });

    it('names all faults at once', async () => {
      const reply = await api.post('/v1/events', { name: '', startsAt: 'soon', timeZone: 'Mars/Base', extra: 1 });
      expect(problemOf(reply)).toMatchObject({ status: 400, code: 'validation-failed' });
      expect(new Set(pointersOf(reply))).toEqual(new Set(['/name', '/startsAt', '/timeZone', '/currency', '/extra']));
    });

    it.each([
      ['endsAt', { endsAt: inDays(30), startsAt: inDays(31) }],
      ['endsAt', { endsAt: '2031-01-01T00:00:00Z', startsAt: '2031-01-01T01:00:00+01:00' }],
      ['salesCloseAt', { salesOpenAt: inDays(2), salesCloseAt: inDays(1) }],
    ])('refuses an empty time window (%s)', async (member, window) => {
      expect(pointersOf(await api.post('/v1/events', eventBody(window)))).toEqual([`/${member}`]);
    });
  });

  describe('reading', () => {
    it('finds an id in any case, and nothing for an unknown one', async () => {
      const id = await createEvent(api);
      expect((await api.get(`/v1/events/${id.toUpperCase()}`)).body.id).toBe(id);
      expect(problemOf(await api.get(`/v1/events/${UNKNOWN}`))).toEqual({ status: 404, code: 'event-not-found' });
    });

    it.each(['"1"', 'W/"1"', '"7", "1"', '*', ' "7" , W/"1" '])('If-None-Match %s: 304, without a body', async (tags) => {
      const id = await createEvent(api);
      const reply = await api.get(`/v1/events/${id}`, { 'if-none-match': tags });
      expect([reply.status, reply.body, reply.headers.get('etag')]).toEqual([304, undefined, '"1"']);
      expect((await api.send('HEAD', `/v1/events/${id}`, undefined, { 'if-none-match': tags })).status).toBe(304);
    });

    it.each(['"2"', 'W/"2"', '"11", "12"', '1'])('If-None-Match %s: 200', async (tags) => {
      const id = await createEvent(api);
      const reply = await api.get(`/v1/events/${id}`, { 'if-none-match': tags });
      expect([reply.status, reply.body.id]).toEqual([200, id]);
    });
  });

  describe('changing', () => {
    it('sets what is given, clears what is null, leaves the rest, and counts the version up', async () => {
      const before = (await api.post('/v1/events', eventBody({ description: 'Old', venue: 'Hall', metadata: { a: '1' } }))).body;
      const reply = await api.patch(
        `/v1/events/${before.id}`,
        { name: 'New', description: null, metadata: { b: '2' } },
        { 'if-match': '"1"' },
      );
      expect(reply.status).toBe(200);
      expect(reply.headers.get('etag')).toBe('"2"');
      expect(reply.body).toEqual({
        ...before,
        name: 'New',
        description: null,
        metadata: { b: '2' },
        version: 2,
        updatedAt: TIME,
      });
      expect((await api.get(`/v1/events/${before.id}`)).body).toEqual(reply.body);
    });

    it('needs If-Match: 428 without', async () => {
      const reply = await api.patch(`/v1/events/${await createEvent(api)}`, { name: 'New' });
      expect(problemOf(reply)).toEqual({ status: 428, code: 'precondition-required' });
    });

    it.each(['"2"', 'W/"1"', '"2", W/"1"', '""'])('412 when If-Match %s does not name the version strongly', async (tags) => {
      const id = await createEvent(api);
      const reply = await api.patch(`/v1/events/${id}`, { name: 'New' }, { 'if-match': tags });
      expect(problemOf(reply)).toEqual({ status: 412, code: 'stale-version', currentVersion: 1 });
      expect((await api.get(`/v1/events/${id}`)).body).toMatchObject({ name: 'Concert', version: 1 });
    });

    it.each(['"1"', '*', '"7", "1"', 'W/"7", "1"'])('If-Match %s lets it through', async (tags) => {
      const reply = await api.patch(`/v1/events/${await createEvent(api)}`, { name: 'New' }, { 'if-match': tags });
      expect([reply.status, reply.body.name]).toEqual([200, 'New']);
    });

    it('of two changes at once to one version, one wins', async () => {
      const id = await createEvent(api);
      const change = (name: string) => api.patch(`/v1/events/${id}`, { name }, { 'if-match': '"1"' });
      const replies = await Promise.all([change('A'), change('B'), change('C')]);
      expect(countByStatus(replies)).toEqual({ 200: 1, 412: 2 });
      expect((await api.get(`/v1/events/${id}`)).body.name).toBe(replies.find(({ status }) => status === 200)!.body.name);
    });

    it('cannot change the currency, nor make a time window empty', async () => {
      const id = await createEvent(api, { startsAt: '2031-01-01T00:00:00Z', salesOpenAt: '2030-06-01T00:00:00Z' });
      const change = (body: object) => api.patch(`/v1/events/${id}`, body, { 'if-match': '*' });
      expect(pointersOf(await change({ currency: 'USD' }))).toEqual(['/currency']);
      expect(pointersOf(await change({ endsAt: '2030-12-31T00:00:00Z' }))).toEqual(['/endsAt']);
      expect(pointersOf(await change({ salesCloseAt: '2030-05-01T00:00:00Z' }))).toEqual(['/salesCloseAt']);
      expect(pointersOf(await change({ name: null }))).toContain('/name');
    });

    it('counts its version up with its ticket types, not with sales', async () => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      expect((await api.get(`/v1/events/${eventId}`)).body.version).toBe(3);
      await api.book(eventId, { [ticketTypeId]: 1 });
      expect((await api.get(`/v1/events/${eventId}`)).body.version).toBe(3);
      await createTicketType(api, eventId);
      const { body } = await api.get(`/v1/events/${eventId}`);
      expect([body.version, body.ticketTypes.length]).toEqual([4, 2]);
    });
  });

  describe('the lifecycle', () => {
    it('draft, published, cancelled; each step again answers the same', async () => {
      const id = await createEvent(api);
      const published = await api.post(`/v1/events/${id}/publish`);
      expect([published.status, published.body.status, published.headers.get('etag')]).toEqual([200, 'published', '"2"']);
      expect((await api.post(`/v1/events/${id}/publish`)).body).toEqual(published.body);
      const cancelled = await api.post(`/v1/events/${id}/cancel`);
      expect([cancelled.status, cancelled.body.status, cancelled.headers.get('etag')]).toEqual([200, 'cancelled', '"3"']);
      expect((await api.post(`/v1/events/${id}/cancel`)).body).toEqual(cancelled.body);
      expect((await api.get(`/v1/events/${id}`)).body).toEqual(cancelled.body);
    });

    it('a draft can be cancelled too', async () => {
      expect((await api.post(`/v1/events/${await createEvent(api)}/cancel`)).body.status).toBe('cancelled');
    });

    it('a cancelled event is final: invalid-transition', async () => {
      const id = await createEvent(api);
      const ticketTypeId = await createTicketType(api, id);
      await api.post(`/v1/events/${id}/cancel`);
      const refused = { status: 409, code: 'invalid-transition', eventStatus: 'cancelled' };
      const any = { 'if-match': '*' };
      expect(problemOf(await api.post(`/v1/events/${id}/publish`))).toEqual(refused);
      expect(problemOf(await api.patch(`/v1/events/${id}`, { name: 'x' }, any))).toEqual(refused);
      const path = `/v1/events/${id}/ticket-types`;
      const body = { name: 'x', capacity: 1, price: { amount: 1, currency: 'EUR' } };
      expect(problemOf(await api.post(path, body))).toEqual(refused);
      expect(problemOf(await api.patch(`${path}/${ticketTypeId}`, { capacity: 1 }, any))).toEqual(refused);
    });

    it.each(['publish', 'cancel'])('%s of an unknown event: 404', async (step) => {
      expect(problemOf(await api.post(`/v1/events/${UNKNOWN}/${step}`))).toEqual({ status: 404, code: 'event-not-found' });
    });

    it.each(['publish', 'cancel'])('%s takes no body members', async (step) => {
      const id = await createEvent(api);
      const reply = await api.post(`/v1/events/${id}/${step}`, { reason: 'rain' });
      expect(pointersOf(reply)).toEqual(['/reason']);
      expect((await api.post(`/v1/events/${id}/${step}`, {})).status).toBe(200);
    });
  });
});
