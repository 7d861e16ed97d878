import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import { countByStatus, type ApiClient } from '../support/client.js';
import { createEvent, eventBody, eventOnSale, ticketTypeBody } from '../support/factories.js';
import { problemOf } from '../support/problems.js';
import { rawRequest, type RawReply } from '../support/raw.js';

const MISSING = { status: 400, code: 'idempotency-key-missing' };
const INVALID = { status: 400, code: 'idempotency-key-invalid' };
const REUSED = { status: 422, code: 'idempotency-key-reused' };

/** All of an answer that a repeat must give again. */
function answerOf({ status, text, headers }: RawReply) {
  return {
    status,
    text,
    type: headers.get('content-type'),
    location: headers.get('location'),
    etag: headers.get('etag'),
  };
}

describe('the Idempotency-Key', () => {
  let running: TestApp;
  let api: ApiClient;
  let eventId: string;
  let ticketTypeId: string;

  const bookingBody = (quantity = 1) => ({
    items: [{ ticketTypeId, quantity }],
    customer: { email: 'ada@example.com', name: 'Ada' },
  });
  const sold = async (): Promise<number> => (await api.get(`/v1/events/${eventId}/availability`)).body.ticketTypes[0].sold;
  /** Books with these header lines, sent as they are. */
  const bookRaw = (...headerLines: string[]): Promise<RawReply> =>
    post(`/v1/events/${eventId}/bookings`, JSON.stringify(bookingBody()), ...headerLines);
  const post = (path: string, body: string, ...headerLines: string[]): Promise<RawReply> =>
    rawRequest(running.url, `POST ${path}`, [...(body ? ['Content-Type: application/json'] : []), ...headerLines], body);

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  beforeEach(async () => {
    ({ eventId, ticketTypeId } = await eventOnSale(api, [100]));
  });
  afterAll(() => running.close());

  describe('its form', () => {
    it.each([
      ['absent', MISSING, []],
      ['empty', MISSING, ['Idempotency-Key:']],
      ['blank', MISSING, ['Idempotency-Key:    ']],
      ['an empty quoted string', MISSING, ['Idempotency-Key: ""']],
      ['256 characters', INVALID, [`Idempotency-Key: ${'k'.repeat(256)}`]],
      ['a tab', INVALID, ['Idempotency-Key: a\tb']],
      ['a character beyond ASCII', INVALID, ['Idempotency-Key: clé']],
      ['quoted, with a tab', INVALID, ['Idempotency-Key: "a\tb"']],
      ['an unfinished quoted string', INVALID, ['Idempotency-Key: "abc']],
      ['something after a quoted string', INVALID, ['Idempotency-Key: "abc"d']],
      ['a wrong escape', INVALID, [String.raw`Idempotency-Key: "a\bc"`]],
      ['sent twice', INVALID, ['Idempotency-Key: one', 'Idempotency-Key: two']],
      ['sent twice, the same', INVALID, ['Idempotency-Key: one', 'idempotency-key: one']],
    ])('refused: %s', async (_, problem, headerLines) => {
      expect(problemOf(await bookRaw(...headerLines))).toEqual(problem);
      expect(await sold()).toBe(0);
    });

    it('a control character that HTTP itself forbids: malformed-request', async () => {
      expect(problemOf(await bookRaw('Idempotency-Key: a\u0001b'))).toEqual({ status: 400, code: 'malformed-request' });
      expect(await sold()).toBe(0);
    });

    it.each([
      ['k'.repeat(255), `"${'k'.repeat(255)}"`],
      ['order 1/2; a=b', '"order 1/2; a=b"'],
      [String.raw`it's \ ?? $1`, String.raw`"it's \\ ?? $1"`],
      ['a"b', String.raw`"a\"b"`],
    ])('%j bare and quoted is the same key', async (bare, quoted) => {
      const first = await bookRaw(`Idempotency-Key: ${bare}`);
      const again = await bookRaw(`Idempotency-Key:  ${quoted}  `);
      expect(first.status).toBe(201);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(answerOf(again)).toEqual(answerOf(first));
      expect(await sold()).toBe(1);
    });
  });

  describe('a repeat', () => {
    it('gets status, body, Location and ETag of the first answer, says so, and has no second effect', async () => {
      const key = `Idempotency-Key: ${randomUUID()}`;
      const first = await bookRaw(key);
      expect(first.headers.get('idempotent-replayed')).toBeNull();
      await api.post(`/v1/orders/${first.body.id}/cancel`);
      const again = await bookRaw(key);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(answerOf(again)).toEqual(answerOf(first));
      expect(answerOf(again)).toMatchObject({ status: 201, location: `/v1/orders/${first.body.id}`, etag: '"1"' });
      expect(await sold()).toBe(0);
    });

    it('gets the answer even when the same would be refused by now', async () => {
      const key = randomUUID();
      const first = await api.book(eventId, { [ticketTypeId]: 100 }, { key });
      await api.post(`/v1/events/${eventId}/cancel`);
      const again = await api.book(eventId, { [ticketTypeId]: 100 }, { key });
      expect([again.status, again.body]).toEqual([201, first.body]);
    });

    it('may differ in the order of members and in white space, at any depth', async () => {
      const key = `Idempotency-Key: ${randomUUID()}`;
      const path = `/v1/events/${eventId}/bookings`;
      const first = await post(path, JSON.stringify({ ...bookingBody(), metadata: { a: '1', b: '2' } }), key);
      const item = `{ "quantity" : 1.0, "ticketTypeId":"${ticketTypeId}" }`;
      const body = `\n{"metadata":{"b":"2",\t"a":"1"}, "customer":{"name":"\\u0041da","email":"ada@example.com"},"items":[${item}]}`;
      const again = await post(path, body, key);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(answerOf(again)).toEqual(answerOf(first));
    });

    it('50 at once: one order and 50 identical answers, one of them the first', async () => {
      const key = `Idempotency-Key: ${randomUUID()}`;
      const replies = await Promise.all(Array.from({ length: 50 }, () => bookRaw(key)));
      expect(new Set(replies.map((reply) => JSON.stringify(answerOf(reply)))).size).toBe(1);
      expect(replies[0]!.status).toBe(201);
      expect(replies.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
      expect(await sold()).toBe(1);
    });
  });

  describe('with another request', () => {
    it('another body, path, query or route: 422', async () => {
      const key = randomUUID();
      const other = await eventOnSale(api);
      expect((await api.book(eventId, { [ticketTypeId]: 1 }, { key })).status).toBe(201);
      const header = { 'idempotency-key': key };
      const replies = [
        api.book(eventId, { [ticketTypeId]: 2 }, { key }),
        api.book(eventId, { [ticketTypeId]: 1 }, { key, email: 'bob@example.com' }),
        api.book(other.eventId, { [ticketTypeId]: 1 }, { key }),
        api.post(`/v1/events/${eventId}/bookings?source=web`, bookingBody(), header),
        api.post('/v1/events', eventBody(), header),
        api.post(`/v1/events/${eventId}/cancel`, undefined, header),
      ];
      for (const reply of replies) expect(problemOf(await reply)).toEqual(REUSED);
      expect(await sold()).toBe(1);
    });

    it('bookings of two events at once with one key: one 201, the other 422', async () => {
      for (let round = 0; round < 10; round++) {
        const [key, other] = [randomUUID(), await eventOnSale(api)];
        const replies = await Promise.all([
          api.book(eventId, { [ticketTypeId]: 1 }, { key }),
          api.book(other.eventId, { [other.ticketTypeId]: 1 }, { key }),
        ]);
        expect(countByStatus(replies)).toEqual({ 201: 1, 422: 1 });
        expect(problemOf(replies.find(({ status }) => status === 422)!)).toEqual(REUSED);
      }
    });

    it('is free again when the first was refused', async () => {
      const key = randomUUID();
      expect(problemOf(await api.book(eventId, { [ticketTypeId]: 101 }, { key })).code).toBe('validation-failed');
      expect((await api.book(eventId, { [ticketTypeId]: 60 })).status).toBe(201);
      expect(problemOf(await api.book(eventId, { [ticketTypeId]: 60 }, { key })).code).toBe('sold-out');
      const booked = await api.book(eventId, { [ticketTypeId]: 40 }, { key });
      expect([booked.status, booked.headers.get('idempotent-replayed')]).toEqual([201, null]);
    });

    it('a refused request is judged afresh when it is repeated', async () => {
      const draft = await createEvent(api);
      const id = (await api.post(`/v1/events/${draft}/ticket-types`, ticketTypeBody())).body.id as string;
      const key = randomUUID();
      expect(problemOf(await api.book(draft, { [id]: 1 }, { key })).code).toBe('event-not-on-sale');
      await api.post(`/v1/events/${draft}/publish`);
      expect((await api.book(draft, { [id]: 1 }, { key })).status).toBe(201);
    });
  });

  describe('on the other POSTs', () => {
    const routes: Array<[string, number, () => Promise<{ path: string; body: string }>]> = [
      ['create event', 201, async () => ({ path: '/v1/events', body: JSON.stringify(eventBody()) })],
      [
        'create ticket type',
        201,
        async () => ({ path: `/v1/events/${await createEvent(api)}/ticket-types`, body: JSON.stringify(ticketTypeBody()) }),
      ],
      ['publish event', 200, async () => ({ path: `/v1/events/${await createEvent(api)}/publish`, body: '' })],
      ['cancel event', 200, async () => ({ path: `/v1/events/${eventId}/cancel`, body: '' })],
      [
        'cancel order',
        200,
        async () => {
          const order = await api.book(eventId, { [ticketTypeId]: 1 });
          return { path: `/v1/orders/${order.body.id}/cancel`, body: '{"reason":"ill"}' };
        },
      ],
    ];

    it.each(routes)('%s: ten at once and one later get one answer, of one effect', async (_, status, prepare) => {
      const { path, body } = await prepare();
      const key = `Idempotency-Key: ${randomUUID()}`;
      const count = async () =>
        (await running.database.sql('select (select count(*) from events) e, (select count(*) from ticket_types) t'))[0];
      const [before, [first, ...others]] = [
        await count(),
        await Promise.all(Array.from({ length: 10 }, () => post(path, body, key))),
      ];
      others.push(await post(path, body, key));
      expect(first!.status).toBe(status);
      for (const reply of others) expect(answerOf(reply)).toEqual(answerOf(first!));
      const firsts = [first!, ...others].filter(({ headers }) => headers.get('idempotent-replayed') === null);
      expect(firsts).toHaveLength(1);
      const made = Object.values((await count())!).map(Number);
      const had = Object.values(before!).map(Number);
      expect(made.reduce((sum, number) => sum + number) - had.reduce((sum, number) => sum + number)).toBe(status === 201 ? 1 : 0);
      expect(problemOf(await post(`${path}?x=1`, body, key))).toEqual(REUSED);
    });

    it.each(routes)('%s: a key that is not valid is refused', async (_, _status, prepare) => {
      const { path, body } = await prepare();
      expect(problemOf(await post(path, body, 'Idempotency-Key: "'))).toEqual(INVALID);
      expect(problemOf(await post(path, body, 'Idempotency-Key:'))).toEqual(MISSING);
    });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
