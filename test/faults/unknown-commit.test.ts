import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import type { Reply } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventBody, eventOnSale, inDays } from '../support/factories.js';
import { eventually, orderIdsOf, untilAnswered } from '../support/faults.js';
import { Scrape } from '../support/metrics.js';
import { PostgresProxy, type CommitFault } from '../support/postgres-proxy.js';

const BOOKINGS = 90;
const STARTS_AT = inDays(30);

/** The app behind a proxy that cuts connections at COMMIT, on a database that can also be reached directly. */
async function startBehindProxy(variables: Record<string, string>) {
  const database = await TestDatabase.create();
  const proxy = await PostgresProxy.start(database.url);
  const running = await startApp({ DATABASE_URL: proxy.url, ...variables }, database);
  return {
    ...running,
    proxy,
    close: async () => {
      await running.close();
      await proxy.close();
      await database.drop();
    },
  };
}

describe.each<[string, number, Record<string, string>]>([
  ['the app asks again by itself', BOOKINGS / 4, { LANE_BATCH_MAX: '1' }],
  ['only the client asks again', BOOKINGS / 4, { LANE_BATCH_MAX: '1', TRANSACTION_RETRIES: '0' }],
  ['the app asks again for the eight bookings of each transaction', 3, { LANE_BATCH_MAX: '8' }],
  ['the clients of the eight bookings of each transaction ask again', 3, { LANE_BATCH_MAX: '8', TRANSACTION_RETRIES: '0' }],
])('the connection is lost at COMMIT, %s', (_, leastFaults, variables) => {
  let running: TestApp & { proxy: PostgresProxy };

  beforeAll(async () => {
    running = await startBehindProxy({ DATABASE_POOL_MAX: '5', ...variables });
  });
  afterAll(() => running.close());

  it.each<[string, CommitFault]>([
    ['COMMIT never reached the server', 'dropped'],
    ['COMMIT was sent and the connection cut at once', 'sent-and-cut'],
    ['COMMIT was done and its answer lost', 'answered-and-cut'],
  ])('%s: one order for each key, and none that was acknowledged is missing', async (__, fault) => {
    const { api, proxy, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api, [1000]);
    const keys = Array.from({ length: BOOKINGS }, () => randomUUID());
    const before = proxy.faults;
    Object.assign(proxy, { fault, faultEvery: 3 });
    const answers: Reply[] = [];
    const first = await Promise.all(keys.map((key) => api.book(eventId, { [ticketTypeId]: 1 }, { key })));
    for (const [index, reply] of first.entries()) {
      expect([201, 503]).toContain(reply.status);
      const key = keys[index]!;
      answers.push(reply.status === 201 ? reply : await untilAnswered(() => api.book(eventId, { [ticketTypeId]: 1 }, { key })));
    }
    proxy.faultEvery = 0;
    expect(proxy.faults - before).toBeGreaterThanOrEqual(leastFaults);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    const scrape = await eventually('every fault is counted, those of jobs too', async () => {
      const newest = await Scrape.of(running);
      return newest.value('holdfast_transaction_duration_seconds_count', { outcome: 'unknown' }) === proxy.faults && newest;
    });
    const retries = scrape.value('holdfast_transaction_retries_total', { reason: 'commit-outcome-unknown' })!;
    expect(retries > 0).toBe(variables['TRANSACTION_RETRIES'] !== '0');

    const ids = await orderIdsOf(api, eventId);
    expect(ids).toHaveLength(BOOKINGS);
    expect(new Set(answers.map(({ body }) => body.id))).toEqual(new Set(ids));
    const repeats = await Promise.all(keys.map((key) => api.book(eventId, { [ticketTypeId]: 1 }, { key })));
    expect(repeats.map(({ body }) => body)).toEqual(answers.map(({ body }) => body));
    expect(await database.brokenInvariants()).toEqual([]);
  });

  it('a request without a key whose commit has an unknown outcome is not run twice: 503 database-unavailable', async () => {
    const { api, proxy } = running;
    for (const [fault, made] of [
      ['answered-and-cut', 1],
      ['dropped', 0],
    ] as const) {
      const name = `Once ${randomUUID()}`;
      Object.assign(proxy, { fault, faultEvery: 1 });
      const reply = await api.post('/v1/events', eventBody({ name }));
      proxy.faultEvery = 0;
      expect(reply).toMatchObject({ status: 503, body: { code: 'database-unavailable' } });
      expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
      expect((await api.get(`/v1/events?q=${encodeURIComponent(name)}`)).body.items).toHaveLength(made);
    }
  });

  it.each<[CommitFault]>([['answered-and-cut'], ['dropped']])(
    'a request with a key is done once, however often its commit is lost: %s',
    async (fault) => {
      const { api, proxy } = running;
      const name = `Once ${randomUUID()}`;
      const post = () => api.post('/v1/events', eventBody({ name, startsAt: STARTS_AT }), { 'idempotency-key': name });
      Object.assign(proxy, { fault, faultEvery: 1 });
      expect(await post()).toMatchObject({ status: 503, body: { code: 'database-unavailable' } });
      proxy.faultEvery = 0;
      const repeat = await post();
      expect(repeat.status).toBe(201);
      const { items } = (await api.get(`/v1/events?q=${encodeURIComponent(name)}`)).body;
      expect(items.map(({ id }: { id: string }) => id)).toEqual([repeat.body.id]);
    },
  );
});
