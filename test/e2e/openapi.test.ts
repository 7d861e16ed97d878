import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MikroORM } from '@mikro-orm/postgresql';
import type { OpenAPIObject } from '@nestjs/swagger';
import { DEMO, seedDemoEvent } from '../../src/modules/events/index.js';
import { allProblems } from '../../src/platform/errors/domain-error.js';
import { startApp, type TestApp } from '../support/app.js';
import { ConformingClient, OF_NO_OPERATION, operationsOf } from '../support/conformance.js';
import { insertDeadLetter } from '../support/dead-letters.js';
import { createEvent, createTicketType, eventBody, eventOnSale, inDays, ticketTypeBody } from '../support/factories.js';
import { moduleContracts, moduleRows } from '../support/module-contract.js';
import { makeOverdue } from '../support/orders.js';
import { NOT_PROVOKED, provokeFeed, provokeNextPages } from '../support/provocations.js';

const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8')) as OpenAPIObject;
const operations = operationsOf(document);

/** Their successes are no JSON, and one of them never ends: tests of their own read them. */
const NOT_JSON = new Set(['exportOrders', 'streamAvailability', 'getMetrics']);

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';
const key = () => ({ 'idempotency-key': randomUUID() });
const booking = (ticketTypeId: string, quantity = 1) => ({
  items: [{ ticketTypeId, quantity }],
  customer: { email: 'ada@example.com' },
});

let running: TestApp;
let api: ConformingClient;

beforeAll(async () => {
  running = await startApp({ AUTH_JWT_ISSUER: 'nobody', AUTH_JWT_AUDIENCE: 'us', AUTH_JWKS_URL: 'http://127.0.0.1:9/' });
  api = new ConformingClient(running.url, running.api.token, document);
  await seedDemoEvent(running.app.get(MikroORM).em);
});
afterAll(() => running.close());

describe('the examples, sent as Swagger UI fills them in', () => {
  it('book a ticket of the demo event without a word typed', async () => {
    const reply = await api.sendExample(
      operations.find(({ id }) => id === 'book')!,
      {},
    );
    expect(reply.status).toBe(201);
    expect(reply.body.eventId).toBe(DEMO.eventId);
  });

  it('succeed at every operation, one after the other', async () => {
    // Another event than that of the examples, which cancels itself on the way.
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const refused: string[] = [];
    const apiKeyId = (await api.post('/v1/api-keys', { name: 'Example', scopes: ['orders:read'] })).body.id;
    for (const operation of operations.filter(({ id }) => !NOT_JSON.has(id))) {
      const held = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
      const deadLetterId = await insertDeadLetter(running.database);
      const rows = await moduleRows(api, DEMO.eventId, running.database);
      const reply = await api.sendExample(operation, {
        ...rows,
        eventId: DEMO.eventId,
        orderId: held.body.id,
        apiKeyId,
        deadLetterId,
      });
      if (reply.status >= 300) refused.push(`${operation.id}: ${JSON.stringify(reply.body)}`);
    }
    expect(refused).toEqual([]);
  });
});

/** The client throws when an answer is not as documented. */
describe('every answer is as documented', () => {
  const answersOf = (operationId: string) =>
    [...api.seen].filter((answer) => answer.startsWith(`${operationId} `)).map((answer) => answer.slice(operationId.length + 1));

  it('of unchanged resources and of replays', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const headers = key();
    const order = await api.post(`/v1/events/${eventId}/bookings`, booking(ticketTypeId), headers);
    const replay = await api.post(`/v1/events/${eventId}/bookings`, booking(ticketTypeId), headers);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    for (const path of [
      `/v1/events/${eventId}`,
      `/v1/events/${eventId}/ticket-types/${ticketTypeId}`,
      `/v1/orders/${order.body.id}`,
      `/v1/events/${eventId}/availability`,
    ]) {
      expect((await api.get(path, { 'if-none-match': '*' })).status).toBe(304);
    }
  });

  it('of pages that have a next one', () => provokeNextPages(api));

  it('of events and ticket types that leave out what they can', async () => {
    const eventId = await createEvent(api);
    const ticketTypeId = await createTicketType(api, eventId);
    const event = await api.get(`/v1/events/${eventId}`);
    expect(event.body).toMatchObject({ description: null, venue: null, endsAt: null, maxTicketsPerCustomer: null });
    expect((await api.send('DELETE', `/v1/events/${eventId}/ticket-types/${ticketTypeId}`)).status).toBe(204);
  });

  it('of requests that are refused for what they look like', async () => {
    const events = '/v1/events';
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const bookings = `${events}/${eventId}/bookings`;
    await api.post(events, '{');
    await api.post(events, { name: '', surprise: true });
    await api.post(events, JSON.stringify({ name: 'x'.repeat(110_000) }));
    await api.post(events, 'name=x', { 'content-type': 'text/plain' });
    await api.post(events, eventBody(), { 'idempotency-key': '' });
    await api.post(`${events}/${eventId}/publish`, 'now', { 'content-type': 'text/plain' });
    await api.post(bookings, booking(ticketTypeId));
    await api.post(bookings, booking(ticketTypeId), { 'idempotency-key': 'ä' });
    const headers = key();
    await api.post(bookings, booking(ticketTypeId), headers);
    await api.post(bookings, booking(ticketTypeId, 2), headers);
    await api.get(`${events}?cursor=broken`);
    await api.patch(`${events}/${eventId}`, {});
    await api.patch(`${events}/${eventId}`, {}, { 'if-match': '"99"' });
    expect(answersOf('createEvent')).toEqual(
      expect.arrayContaining([
        '400 malformed-request',
        '400 validation-failed',
        '413 payload-too-large',
        '415 unsupported-media-type',
        '400 idempotency-key-missing',
      ]),
    );
    expect(answersOf('publishEvent')).toContain('415 unsupported-media-type');
    expect(answersOf('book')).toEqual(
      expect.arrayContaining(['400 idempotency-key-missing', '400 idempotency-key-invalid', '422 idempotency-key-reused']),
    );
    expect(answersOf('listEvents')).toContain('400 malformed-request');
    expect(answersOf('updateEvent')).toEqual(expect.arrayContaining(['428 precondition-required', '412 stale-version']));
  });

  it('of requests that are refused for who sends them', async () => {
    await api.as(null).post('/v1/events', {});
    await api.as('nonsense').get('/v1/events');
    const { body } = await api.post('/v1/api-keys', { name: 'Clerk', scopes: ['orders:read'] });
    await api.as(body.key).post('/v1/events', {});
    await api.get(`/v1/api-keys/${UNKNOWN}`);
    await api.get(`/v1/api-keys/${body.id}`);
    await api.send('DELETE', `/v1/api-keys/${body.id}`);
    // Nothing answers where the keys of the identity provider should be.
    const header = Buffer.from('{"alg":"RS256","kid":"1"}').toString('base64url');
    await api.as(`${header}.e30.AAAA`).post('/v1/events', {});
    expect(answersOf('createEvent')).toEqual(
      expect.arrayContaining(['401 unauthenticated', '403 forbidden', '503 identity-provider-unavailable']),
    );
  });

  it('of requests that are refused for the state that they meet', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [5], { maxTicketsPerCustomer: 3 });
    const path = `/v1/events/${eventId}`;
    await api.get(`/v1/events/${UNKNOWN}`);
    await api.get(`${path}/ticket-types/${UNKNOWN}`);
    await api.get(`/v1/orders/${UNKNOWN}`);
    await api.book(eventId, { [ticketTypeId]: 3 });
    await api.book(eventId, { [ticketTypeId]: 1 });
    await api.book(eventId, { [ticketTypeId]: 3 }, { email: 'grace@example.com' });
    await api.patch(`${path}/ticket-types/${ticketTypeId}`, { capacity: 1 }, { 'if-match': '*' });
    await api.patch(`${path}/ticket-types/${ticketTypeId}`, { maxPerOrder: 1 }, { 'if-match': '*' });
    await api.book(eventId, { [ticketTypeId]: 2 }, { email: 'grace@example.com' });
    await api.send('DELETE', `${path}/ticket-types/${ticketTypeId}`);
    await api.patch(path, { salesOpenAt: inDays(1) }, { 'if-match': '*' });
    await api.book(eventId, { [ticketTypeId]: 1 });
    await api.post(`${path}/cancel`);
    await api.post(`${path}/publish`);
    expect(answersOf('book')).toEqual(
      expect.arrayContaining([
        '409 customer-limit-exceeded',
        '409 sold-out',
        '422 quantity-out-of-range',
        '409 event-not-on-sale',
      ]),
    );
    expect(answersOf('publishEvent')).toContain('409 invalid-transition');
  });

  it('of orders that are held, confirmed, extended, revived and cancelled in part', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const hold = async () => `/v1/orders/${(await api.book(eventId, { [ticketTypeId]: 3 }, { holdSeconds: 60 })).body.id}`;
    const order = await hold();
    const steps = [
      ['extend', { seconds: 90 }],
      ['cancel', { items: [{ ticketTypeId, quantity: 1 }] }],
      ['confirm', {}],
      ['confirm', { paymentReference: 'pay_1' }],
      ['cancel', { items: [{ ticketTypeId, quantity: 1 }], reason: 'ill' }],
    ] as const;
    for (const [step, body] of steps) {
      const headers = key();
      expect((await api.post(`${order}/${step}`, body, headers)).status).toBe(200);
      expect((await api.post(`${order}/${step}`, body, headers)).headers.get('idempotent-replayed')).toBe('true');
    }
    const late = await hold();
    await makeOverdue(running.database, late.split('/').at(-1)!);
    expect((await api.get(late)).body.status).toBe('expired');
    expect((await api.post(`${late}/confirm`, { reviveIfAvailable: true })).body.status).toBe('confirmed');
    expect((await api.get(`${late}/history`)).body.items).toHaveLength(3);
  });

  it('of steps that the order does not allow', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [4], { maxTicketsPerCustomer: 4 });
    const path = async (options: { holdSeconds?: number; email?: string } = {}) =>
      `/v1/orders/${(await api.book(eventId, { [ticketTypeId]: 2 }, options)).body.id}`;
    const overdue = await path({ holdSeconds: 60, email: 'linus@example.com' });
    await makeOverdue(running.database, overdue.split('/').at(-1)!);
    const held = await path({ holdSeconds: 60 });
    const confirmed = await path();
    const give = (type: string, quantity: number) => ({ items: [{ ticketTypeId: type, quantity }] });
    await api.post(`${overdue}/confirm`);
    await api.post(`${overdue}/confirm`, { reviveIfAvailable: true });
    await api.post(`${overdue}/extend`, { seconds: 60 });
    await api.post(`${overdue}/cancel`);
    await api.post(`${confirmed}/extend`, { seconds: 60 });
    await api.post(`${confirmed}/extend`, { seconds: 1 });
    await api.post(`${confirmed}/cancel`, give(ticketTypeId, 3));
    await api.post(`${confirmed}/cancel`, give(UNKNOWN, 1));
    await api.post(`${confirmed}/cancel`);
    await api.post(`${confirmed}/confirm`);
    for (const step of ['confirm', 'cancel']) await api.post(`/v1/orders/${UNKNOWN}/${step}`);
    await api.post(`/v1/orders/${UNKNOWN}/extend`, { seconds: 60 });
    const late = await path({ holdSeconds: 60 });
    await makeOverdue(running.database, late.split('/').at(-1)!);
    await path();
    await api.patch(`/v1/events/${eventId}/ticket-types/${ticketTypeId}`, { capacity: 9 }, { 'if-match': '*' });
    await api.post(`${late}/confirm`, { reviveIfAvailable: true });
    // As a crash in the middle of the cancellation leaves it: off sale, with orders that live.
    await running.database.sql(`update events set status = 'cancelled', has_orders_to_cancel = true where id = $1`, [eventId]);
    await api.post(`${held}/confirm`);
    await api.post(`${held}/extend`, { seconds: 60 });
    await api.post(`/v1/events/${eventId}/cancel`);
    const shared = ['409 event-not-on-sale', '409 hold-expired', '409 order-not-held', '404 order-not-found'];
    expect(answersOf('confirmOrder')).toEqual(expect.arrayContaining([...shared, '409 customer-limit-exceeded']));
    expect(answersOf('extendHold')).toEqual(expect.arrayContaining([...shared, '400 validation-failed']));
    const ofCancel = [
      '404 order-not-found',
      '404 ticket-type-not-found',
      '409 order-not-cancellable',
      '422 quantity-out-of-range',
    ];
    expect(answersOf('cancelOrder')).toEqual(expect.arrayContaining(ofCancel));
  });

  it('of the change feed and of dead letters', async () => {
    await provokeFeed(api, running.database);
  });

  it('of operations that do not answer in JSON, when they have nothing to answer', async () => {
    for (const path of ['availability/stream', 'orders.csv']) {
      expect((await api.get(`/v1/events/${UNKNOWN}/${path}`)).body.code).toBe('event-not-found');
      expect((await api.get(`/v1/events/x/${path}`)).body.code).toBe('malformed-request');
    }
    expect([...answersOf('streamAvailability'), ...answersOf('exportOrders')]).toEqual([
      ...['404 event-not-found', '400 malformed-request'],
      ...['404 event-not-found', '400 malformed-request'],
    ]);
  });

  it('of modules on top', async () => {
    for (const contract of moduleContracts) await contract.provoke(api, running.database);
  });

  it('of an event that is full of ticket types', async () => {
    const { body: event } = await api.post('/v1/events', eventBody());
    const create = () => api.post(`/v1/events/${event.id}/ticket-types`, ticketTypeBody());
    for (let count = 0; count < 100; count++) expect((await create()).status).toBe(201);
    expect((await create()).body).toMatchObject({ code: 'too-many-ticket-types', limit: 100 });
  });

  it('and all successes and all problems that a request alone can cause were among them', async () => {
    const inJson = operations.filter(({ id }) => !NOT_JSON.has(id));
    const successes = inJson.flatMap(({ id, responses }) =>
      Object.keys(responses)
        .filter((status) => status < '400')
        .map((status) => `${id} ${status}`),
    );
    expect([...api.seen].filter((answer) => answer.split(' ').length === 2).toSorted()).toEqual(successes.toSorted());
    const codes = new Set([...api.seen].flatMap((answer) => answer.split(' ').slice(2)));
    const provoked = allProblems().map(({ code }) => code);
    expect([...codes, ...OF_NO_OPERATION, ...NOT_PROVOKED].toSorted()).toEqual(provoked.toSorted());
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
