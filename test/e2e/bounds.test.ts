import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MikroORM } from '@mikro-orm/postgresql';
import type { OpenAPIObject } from '@nestjs/swagger';
import { DEMO, seedDemoEvent } from '../../src/modules/events/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { type Edge, edgesOf, type Schemas, withEdge } from '../support/bounds.js';
import type { Reply } from '../support/client.js';
import { ConformingClient, operationsOf, type Operation } from '../support/conformance.js';
import { createEvent, createTicketType } from '../support/factories.js';
import { moduleBodies, moduleRows } from '../support/module-contract.js';

const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8')) as OpenAPIObject;
const operations = operationsOf(document);
const schemas = document.components!.schemas as Schemas;

/** What each request with a body is sent with, so that nothing but the value at the edge can be at fault. */
const MONEY = { amount: 4500, currency: 'EUR' };
const BODIES: Record<string, object> = {
  ...moduleBodies,
  createEvent: { name: 'Concert', startsAt: '2035-06-19T18:00:00Z', timeZone: 'Europe/Berlin', currency: 'EUR' },
  updateEvent: {},
  createTicketType: { name: 'Standard', price: MONEY, capacity: 10 },
  updateTicketType: { price: MONEY },
  book: { items: [{ ticketTypeId: DEMO.standardId, quantity: 1 }], customer: { email: 'ada@example.com' } },
  confirmOrder: {},
  extendHold: {},
  eraseCustomer: {},
  createApiKey: { name: 'Web shop', scopes: ['orders:read'] },
  cancelOrder: { items: [{ ticketTypeId: DEMO.standardId, quantity: 1 }] },
};
/** That these are valid does not mean that the order or the ticket type allows them. */
const UP_TO_THE_STATE = new Set([
  ...['/items', '/items/0/quantity', '/seconds'],
  ...['/voucherCode', '/discount/percent', '/ticketTypeIds', '/ticketTypeIds/0'],
]);

let running: TestApp;
/** Compares each answer with the document, so that values at the edges are known to be within the bounds of answers too. */
let api: ConformingClient;

beforeAll(async () => {
  running = await startApp();
  api = new ConformingClient(running.url, running.api.token, document);
  await seedDemoEvent(running.app.get(MikroORM).em);
});
afterAll(() => running.close());

const named = (edges: Edge[]) =>
  edges.map((edge): [string, Edge] => {
    const text = JSON.stringify(edge.value);
    const shown = text.length > 40 ? `${text.slice(0, 40)}… (${text.length} characters)` : text;
    return [`${edge.pointer} ${edge.isWithin ? 'may' : 'may not'} be ${shown}`, edge];
  });

/** The faults of the member at `pointer`, or of a member of it. Those of plain items are faults of their list. */
function faultsAt(pointer: string, reply: Reply): unknown[] {
  if (reply.body?.code !== 'validation-failed') return [];
  const place = pointer.replace(/\/\d+$/, '');
  return reply.body.errors.filter((error: { pointer: string }) => `${error.pointer}/`.startsWith(`${place}/`));
}

function assertJudgedAsDocumented(edge: Edge, reply: Reply): void {
  expect(reply.status).toBeLessThan(500);
  if (edge.isWithin) expect(faultsAt(edge.pointer, reply)).toEqual([]);
  else expect(faultsAt(edge.pointer, reply)).not.toEqual([]);
}

describe.each(Object.keys(BODIES))('the body of %s', (operationId) => {
  const operation = operations.find(({ id }) => id === operationId)!;
  const { schema } = requestContentOf(operation);

  /** Ids of rows of its own, since what one value changes may not be met by the next. */
  async function pathOf(): Promise<string> {
    const eventId = operationId === 'book' ? DEMO.eventId : await createEvent(api);
    const ticketTypeId = operation.path.includes('{ticketTypeId}') ? await createTicketType(api, eventId) : '';
    // The longest extension is longer than what is left of a hold; that of an order that is not held is judged by its length only.
    const options = operationId === 'extendHold' ? {} : { holdSeconds: 600 };
    const order = operation.path.includes('{orderId}') ? await api.book(DEMO.eventId, { [DEMO.standardId]: 2 }, options) : null;
    const rows = operationId in moduleBodies ? await moduleRows(api, eventId, running.database) : {};
    const ids: Record<string, string> = { ...rows, eventId, ticketTypeId, orderId: order?.body.id };
    return operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name]!);
  }

  it.each(named(edgesOf(schema, schemas)))('%s', async (_, edge) => {
    const body = BODIES[operationId];
    const headers = { 'idempotency-key': randomUUID(), ...(operation.method === 'PATCH' ? { 'if-match': '*' } : {}) };
    const reply = await api.send(operation.method, await pathOf(), withEdge(body, edge), headers);
    assertJudgedAsDocumented(edge, reply);
    if (edge.isWithin && !UP_TO_THE_STATE.has(edge.pointer)) expect(reply.status).toBeLessThan(300);
  });
});

it('no operation with a body is left out', () => {
  const withBody = operations.filter((operation) => operation.requestExample !== undefined);
  expect(withBody.map(({ id }) => id).toSorted()).toEqual(Object.keys(BODIES).toSorted());
});

describe('headers', () => {
  const isWithin = (operationId: string, header: string, value: string) => {
    const { parameters } = operations.find(({ id }) => id === operationId)!;
    const { pattern, maxLength } = parameters.find(({ name }) => name === header)!.schema as Schemas[string];
    return new RegExp(pattern!, 'u').test(value) && value.length <= maxLength!;
  };
  /** A list of entity tags of that length, with `"1"` in it. */
  const tags = (length: number) => `"1","${'x'.repeat(length - 6)}"`;

  it.each([
    ['x', 201],
    ['"x"', 201],
    [String.raw`"a \" b"`, 201],
    ['k'.repeat(255), 201],
    ['"x', 400],
    ['""', 400],
    ['ä', 400],
    ['k'.repeat(256), 400],
  ])('Idempotency-Key %s: %i', async (value, status) => {
    const reply = await api.post(`/v1/events/${DEMO.eventId}/bookings`, BODIES['book'], { 'idempotency-key': value });
    expect(reply.status).toBe(status);
    expect(isWithin('book', 'Idempotency-Key', value)).toBe(status === 201);
  });

  it.each([
    ['*', 200],
    ['"1"', 200],
    ['W/"1" , "1"', 200],
    [tags(1_024), 200],
    [tags(1_025), 400],
    ['1', 400],
    ['"1" "2"', 400],
  ])('If-Match %s: %i', async (value, status) => {
    const reply = await api.patch(`/v1/events/${await createEvent(api)}`, {}, { 'if-match': value });
    expect(reply.status).toBe(status);
    expect(isWithin('updateEvent', 'If-Match', value)).toBe(status === 200);
  });

  it.each([
    ['*', 304],
    ['"1"', 304],
    ['W/"0" , W/"1"', 304],
    [tags(1_024), 304],
    [tags(1_025), 200],
  ])('If-None-Match %s: %i', async (value, status) => {
    const reply = await api.get(`/v1/events/${await createEvent(api)}`, { 'if-none-match': value });
    expect(reply.status).toBe(status);
    expect(isWithin('getEvent', 'If-None-Match', value)).toBe(status === 304);
  });
});

describe('query parameters', () => {
  const cases = operations.flatMap(({ path, parameters }) =>
    parameters
      .filter((parameter) => parameter.in === 'query')
      .flatMap(({ name, schema }) => named(edgesOf(schema, schemas, `/${name}`)))
      .map(([title, edge]): [string, string, Edge] => [`${path} ${title}`, path, edge]),
  );

  it.each(cases)('%s', async (_, path, edge) => {
    const { body: order } = await api.book(DEMO.eventId, { [DEMO.standardId]: 1 });
    const rows = await moduleRows(api, DEMO.eventId, running.database);
    const ids: Record<string, string> = { ...rows, eventId: DEMO.eventId, orderId: order.id };
    const address = path.replaceAll(/\{(\w+)\}/g, (__, name: string) => ids[name]!);
    const query = new URLSearchParams({ [edge.pointer.slice(1)]: String(edge.value) }).toString();
    assertJudgedAsDocumented(edge, await api.get(`${address}?${query}`));
  });
});

function requestContentOf({ method, path }: Operation): { schema: Schemas[string] } {
  const item = document.paths[path] as Record<string, any>;
  return item[method.toLowerCase()].requestBody.content['application/json'];
}
