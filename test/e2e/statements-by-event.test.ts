import type { OpenAPIObject } from '@nestjs/swagger';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { fillTables, tablesOf } from '../support/fill-tables.js';
import { untilFeedShowsAll } from '../support/feed.js';
import { recurringJobsOf } from '../support/jobs.js';
import { makeOverdue } from '../support/orders.js';
import { fixture, request, routesOf } from '../support/routes.js';
import { collectStatements, partsOf, type Part } from '../support/statements.js';

/** Writes that name no event, and why they may. Add a line only for what belongs to no event (docs/scaling.md). */
const WRITES_WITHOUT_EVENT: Readonly<Record<string, string>> = {
  'insert api_keys': 'a key is for all events',
  'update api_keys': 'a key is for all events',
  'insert rate_limits': 'counts the requests of callers, whatever they are about',
  'delete rate_limits': 'counts the requests of callers, whatever they are about',
  'insert idempotency_keys': 'of routes that change no inventory: the event, if there is one, is known after the work',
  'update idempotency_keys': 'of the same routes: puts the answer, and the event, into the row of the key',
  'delete idempotency_keys': 'the purge goes by age',
  'delete domain_events': 'the purge goes by age',
  'insert customer_erasures': 'a person is a customer of many events',
  'delete customer_erasures': 'a person is a customer of many events',
  'lock idempotency_keys': 'the erasure of a person, by the keys that it found',
  'lock domain_events': 'the erasure of a person, by the facts that it found',
  'update domain_events': 'the erasure of a person, by the facts that it found',
  'lock domain_event_cursors': 'the erasure of a person, which no purge may overtake',
  'insert domain_event_cursors': 'how far a consumer is, in the facts of all events',
  'update domain_event_cursors': 'how far a consumer is, in the facts of all events',
  'lock webhook_endpoints': 'an endpoint may be for all events',
  'update webhook_endpoints': 'an endpoint may be for all events',
  'delete webhook_endpoints': 'an endpoint may be for all events',
  'lock webhook_deliveries': 'a delivery is of an endpoint, and kept for some days only',
  'update webhook_deliveries': 'a delivery is of an endpoint, and kept for some days only',
  'delete webhook_deliveries': 'the purge goes by age',
  'insert reconciliations': 'a run counts the orders of all events',
  'update reconciliations': 'a run counts the orders of all events',
};

/** Reads that name no event: each is answered by all shards, or partitions. docs/scaling.md lists them. */
const READS_WITHOUT_EVENT: Readonly<Record<string, RegExp>> = {
  'the event of an order': /from "orders" as "o0" where "o0"\."id" = \? limit 1$/,
  'an order by its id, with its items': /from "orders" as "o0" left join "order_items" as "i1" .* where "o0"\."id" = \?/,
  'the items of orders that were read': /from "order_items" as "o0" where "o0"\."order_id" in \(/,
  'the history of an order': /from "order_history" as "o0" where "o0"\."order_id" (= |in \()/,
  'the list of orders': /from "orders" as "o0" (where .*)?order by "o0"\."created_at" desc/,
  'the list of events': /from "events" as "e0" (where .*)?order by "e0"\."starts_at"/,
  'events with overdue holds': /select distinct event_id from orders where status = \? and expires_at <=/,
  'events whose orders are to be cancelled': /where "e0"\."has_orders_to_cancel" = true/,
  'what is kept about a person': /from orders where customer_(key|subject) = |from customer_erasures /,
  'the audit log': /from "audit_log"/,
  'API keys': /from "?api_keys/,
  'the change feed': /from domain_events where \(transaction_id, position\) >/,
  'remembered answers by their key': /from idempotency_keys where caller = any/,
  'how far consumers are': /from domain_event_cursors/,
  'webhook endpoints': /from "webhook_endpoints"/,
  'deliveries of a webhook endpoint': /from "webhook_deliveries"/,
  'what was sent about a person': /from webhook_deliveries where id > \$1::uuid order by id/,
  'a webhook delivery that is due': /from webhook_deliveries d join webhook_endpoints e .* where d\.id = /,
  'the last reconciliation': /from reconciliations/,
};

const A_VALUE = String.raw`(?:\$\d+|\?|any\(|wanted_event)`;
const BY_EVENT_ID = new RegExp(String.raw`\bevent_id"? (?:= ${A_VALUE}|in \()|\("event_id", "id"\) in \(\(${A_VALUE}`);
/** `(… is null or …)`: an event may be asked for, and need not be. */
const OPTIONAL = /\([^()]*(?:\([^()]*\))?[^()]* is null or [^()]*(?:\([^()]*\))?[^()]*\)/g;
const BY_ID_OF_EVENT = new RegExp(String.raw`(?:\be\.|"e0"\.|where )"?id"? = ${A_VALUE}`);

function namesEvent({ kind, tables, text }: Part): boolean {
  if (kind === 'insert') {
    const columns = /\(([^)]*)\)/.exec(text)![1]!.replaceAll('"', '').split(', ');
    return columns.includes(tables[0] === 'events' ? 'id' : 'event_id');
  }
  const asked = text.replaceAll(OPTIONAL, '');
  return BY_EVENT_ID.test(asked) || (tables.includes('events') && BY_ID_OF_EVENT.test(asked));
}

describe('the statements of the app', () => {
  let running: TestApp;
  let parts: Part[];

  beforeAll(async () => {
    running = await startApp({ RATE_LIMIT_STORE: 'postgres' });
    const { api, database, url } = running;
    const statements = collectStatements();
    try {
      await fillTables(api, database);
      const document = (await api.get<OpenAPIObject>('/openapi.json')).body;
      // Not of single dead letters: they are jobs, in no table of ours.
      for (const route of routesOf(document).filter(({ path }) => !path.startsWith('/v1/dead-letters/{'))) {
        const { status } = await request(url, route, await fixture(database, api, api), api.token);
        if (status >= 400) throw new Error(`${route.id} was answered with ${status}`);
      }
      const { eventId, ticketTypeId } = await eventOnSale(api, [2]);
      const { body } = await api.book(eventId, { [ticketTypeId]: 2 }, { holdSeconds: 60 });
      await makeOverdue(database, body.id);
      // The relay has news only then.
      await untilFeedShowsAll(database);
      for (const job of recurringJobsOf(running)) await job.runOnce();
      await eventually('the redelivery that a route asked for is attempted', async () =>
        [...statements.texts].some((text) => text.includes('/* record-webhook-attempt */')),
      );
    } finally {
      statements.stop();
    }
    const tables = new Set(await tablesOf(database));
    parts = [...statements.texts].flatMap((text) => partsOf(text, tables));
  });
  afterAll(() => running.close());

  const withoutEvent = (...kinds: Array<Part['kind']>) => parts.filter((part) => kinds.includes(part.kind) && !namesEvent(part));

  it('change every table that bookings change', () => {
    const changed = new Set(parts.filter(({ kind }) => kind !== 'read' && kind !== 'lock').map(({ tables }) => tables[0]!));
    expect([...changed]).toEqual(
      expect.arrayContaining(['events', 'ticket_types', 'orders', 'order_items', 'order_history', 'idempotency_keys']),
    );
  });

  it('name the event in all that they write or lock, so that each is for one shard, but for what belongs to no event', () => {
    const found = withoutEvent('insert', 'update', 'delete', 'lock');
    const unknown = found.filter(({ kind, tables }) => WRITES_WITHOUT_EVENT[`${kind} ${tables[0]}`] === undefined);
    expect(unknown.map(({ text }) => text)).toEqual([]);
    const used = new Set(found.map(({ kind, tables }) => `${kind} ${tables[0]}`));
    expect([...used].toSorted()).toEqual(Object.keys(WRITES_WITHOUT_EVENT).toSorted());
  });

  it('remember the answer of a booking together with its event', () => {
    const ofBookings = parts.filter(({ text }) => /^insert into idempotency_keys .* from json_to_recordset/.test(text));
    expect(ofBookings.map(namesEvent)).toEqual([true]);
  });

  it('name it in all that they read, but for what is read across events', () => {
    const found = withoutEvent('read');
    const known = (text: string) => Object.entries(READS_WITHOUT_EVENT).filter(([, shape]) => shape.test(text));
    expect(found.filter(({ text }) => known(text).length === 0).map(({ text }) => text)).toEqual([]);
    const used = new Set(found.flatMap(({ text }) => known(text).map(([what]) => what)));
    expect([...used].toSorted()).toEqual(Object.keys(READS_WITHOUT_EVENT).toSorted());
  });

  it.each([
    ['update orders set status = ? where id = ?', false],
    ['delete from "order_items" where "order_id" = ?', false],
    ['insert into "orders" ("id", "status") values (?, ?)', false],
    ['with gone as (delete from order_items where event_id = $1) update orders set status = $2 where id = $3', false],
    ['select "e0".* from "events" as "e0" where "e0"."status" = ? for update', false],
    ['update orders o set status = c.status from json_to_recordset($1) c where o.event_id = c.event_id', false],
    ['update orders set status = ? where event_id = ? and id = ?', true],
    ['select "e0".* from "events" as "e0" where "e0"."id" = ? limit 1 for update', true],
  ])('would be seen: %s', (text, names) => {
    const tables = new Set(['events', 'orders', 'order_items']);
    expect(partsOf(text, tables).every(namesEvent)).toBe(names);
  });
});
