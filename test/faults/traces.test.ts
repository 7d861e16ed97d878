import { randomBytes } from 'node:crypto';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { blockedBackend, eventually, holdEventLock } from '../support/faults.js';
import { Scrape } from '../support/metrics.js';
import { AppProcess, MAIN } from '../support/process.js';
import { type ReceivedSpan, TraceReceiver } from '../support/trace-receiver.js';

const SERVER = 2;
const WAITING = 3;
const BOOKING = 'POST /v1/events/:eventId/bookings';

/** Makes Node refuse to load OpenTelemetry, except for its interfaces, which prom-client imports. */
const WITHOUT_OPEN_TELEMETRY = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(name, context, next) {
    if (/^@opentelemetry\\/(?!api$)/.test(name)) throw new Error('OpenTelemetry is loaded');
    return next(name, context);
  } });
`)}`;

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const nanoseconds = (span: ReceivedSpan) => Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano));

describe('traces', () => {
  let database: TestDatabase;
  let receiver: TraceReceiver;
  /** The traces of bookings of one event: one that waited for the lock, and those that waited in the lane behind it. */
  let traces: Array<{ traceId: string; parentId: string }>;
  let printed: string;
  const statuses: number[] = [];
  let exitCode: number | null;

  beforeAll(async () => {
    database = await TestDatabase.create();
    receiver = await TraceReceiver.start();
    const app = await AppProcess.start({
      DATABASE_URL: database.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      LOG_LEVEL: 'log',
    });
    const { eventId, ticketTypeId } = await eventOnSale(app.api);
    traces = Array.from({ length: 1 + WAITING }, () => ({ traceId: hex(16), parentId: hex(8) }));
    const [first, ...others] = traces.map(({ traceId, parentId }) => () => {
      const body = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' } };
      const headers = { 'idempotency-key': traceId, traceparent: `00-${traceId}-${parentId}-01` };
      return app.api.post(`/v1/events/${eventId}/bookings`, body, headers);
    });
    const lock = await holdEventLock(database, eventId);
    const replies = [first!()];
    await blockedBackend(database);
    replies.push(...others.map((book) => book()));
    await eventually('the others are in the lane', async () => {
      return (await Scrape.of(app.api)).value('holdfast_lane_waiting') === WAITING;
    });
    await lock.release();
    for (const { status } of await Promise.all(replies)) statuses.push(status);
    exitCode = await app.end();
    printed = app.printed;
  });
  afterAll(async () => {
    await receiver.stop();
    await database.drop();
  });

  it('are complete when the app has ended', () => {
    expect(statuses).toEqual(traces.map(() => 201));
    expect(exitCode).toBe(0);
    expect(receiver.spans.filter(({ name }) => name === BOOKING)).toHaveLength(traces.length);
  });

  it("continue the caller's, with spans for the request, the wait in the lane, the transaction, the lock and the commit", () => {
    const { traceId, parentId } = traces[0]!;
    const spans = receiver.of(traceId);
    const names = [BOOKING, 'lane wait', 'turn', 'transaction', 'lock', 'commit'];
    expect(Object.keys(spans).toSorted()).toEqual(names.toSorted());
    const [request, wait, turn, transaction, lock, commit] = names.map((name) => spans[name]![0]!);
    expect([request!.kind, request!.parentSpanId]).toEqual([SERVER, parentId]);
    const parents = [wait, turn, transaction, lock, commit].map((span) => span!.parentSpanId);
    const [ofRequest, ofTurn, ofTransaction] = [request!.spanId, turn!.spanId, transaction!.spanId];
    expect(parents).toEqual([ofRequest, ofRequest, ofTurn, ofTransaction, ofTransaction]);
    for (const [inner, outer] of [
      [lock!, transaction!],
      [transaction!, turn!],
      [turn!, request!],
    ] as const) {
      expect(nanoseconds(inner)).toBeLessThanOrEqual(nanoseconds(outer));
    }
    expect(receiver.services).toEqual(new Set(['holdfast']));
  });

  it('link the commands that share a turn', () => {
    const waits = traces.slice(1).map(({ traceId }) => receiver.of(traceId)['lane wait']![0]!);
    const turns = receiver.spans.filter(({ name }) => name === 'turn');
    const shared = turns.find(({ spanId }) => spanId === waits[0]!.links![0]!.spanId)!;
    expect(waits.map(({ links }) => links!.map(({ spanId }) => spanId))).toEqual(waits.map(() => [shared.spanId]));
    const behind = new Set(traces.slice(1).map(({ traceId }) => traceId));
    expect(new Set([shared.traceId, ...shared.links!.map(({ traceId }) => traceId)])).toEqual(behind);
    expect(shared.attributes).toContainEqual({ key: 'commands', value: { intValue: WAITING } });
  });

  it('have the outcome of the request and nothing of its body', () => {
    const [request] = receiver.of(traces[0]!.traceId)[BOOKING]!;
    const attributes = Object.fromEntries(request!.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
    expect(attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/events/:eventId/bookings',
      'http.response.status_code': 201,
      outcome: 'confirmed',
      requestId: expect.any(String),
    });
  });

  it('leave out what monitors ask', () => {
    expect(receiver.spans.filter(({ name }) => name.includes('health'))).toEqual([]);
  });

  it('are named in the lines of the log', () => {
    for (const { traceId } of traces) expect(printed).toContain(`"traceId":"${traceId}"`);
  });

  it('are not even loaded without a receiver', async () => {
    const app = await AppProcess.start({ DATABASE_URL: database.url }, ['--import', WITHOUT_OPEN_TELEMETRY, MAIN]);
    expect((await app.api.get('/v1/events')).status).toBe(200);
    expect(await app.end()).toBe(0);
    const variables = { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    await expect(AppProcess.start(variables, ['--import', WITHOUT_OPEN_TELEMETRY, MAIN])).rejects.toThrow(
      'OpenTelemetry is loaded',
    );
  });

  it('cost the app nothing but themselves when the receiver is away', async () => {
    const variables = { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
    const app = await AppProcess.start(variables);
    const { eventId, ticketTypeId } = await eventOnSale(app.api);
    expect((await app.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    expect(await app.end()).toBe(0);
  });
});
