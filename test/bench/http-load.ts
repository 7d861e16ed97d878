import autocannon from 'autocannon';
import { bookingBody, bookingPath } from './bookings.js';
import type { HttpLoad, LoadResult } from './loads.js';
import type { Recorder } from './recorder.js';

/** How autocannon is kept from stopping by itself, which would cut off the requests that are under way. */
const FAR_AWAY_SECONDS = 3_600;
/** How often autocannon looks whether all connections are done. */
const SAMPLE_MS = 50;
const TIMEOUT_SECONDS = 60;
/** An app that is gone would be asked for ever. */
const ERRORS_MAX = 1_000;
/** Bodies and paths are made before the load starts; each is used for many requests, with another key each time. */
const PREPARED_BODIES = 2_000;
const HOLD_SECONDS = 600;

/** The parts of autocannon's client by which a connection is told to finish what it has begun. */
interface Connection {
  reqsMade: number;
  responseMax?: number;
}

/** A request of a script; `setUp` makes it what it is to be each time, or null to skip it. */
export type Step = Omit<autocannon.Request, 'setupRequest'> & {
  setUp: (request: autocannon.Request, context: object) => autocannon.Request | null;
};

export interface Script {
  requests: Step[];
  expected: readonly number[];
  /** Whether the connection that was just answered may stop here; always, if it is not given. */
  mayStop?: () => boolean;
  isOver: () => boolean;
  setupClient?: (client: autocannon.Client) => void;
}

export async function runHttpLoad(load: HttpLoad, recorder: Recorder): Promise<LoadResult> {
  const script = scriptOf(load, recorder);
  await Promise.all([recorder.run(load.window), drive(load, { ...script, isOver: () => recorder.isOver }, recorder)]);
  return recorder.result();
}

/** Sends the requests of the script on each connection until it is over, and waits for what is under way then. */
export async function drive(
  load: { urls: string[]; connections: number; headers: Record<string, string> },
  script: Script,
  recorder: Recorder,
): Promise<void> {
  let sent = 0;
  let answered = 0;
  const requests = script.requests.map(({ setUp, ...request }) => ({
    ...request,
    headers: { ...load.headers, ...request.headers },
    setupRequest: (built: autocannon.Request, context: object) => {
      const ready = setUp(built, context);
      if (ready) sent += 1;
      // autocannon starts the sequence anew on null, which its types do not say.
      return ready!;
    },
  }));
  const options: autocannon.Options = {
    // It takes a list as well, which its types do not say.
    url: load.urls as unknown as string,
    connections: load.connections,
    duration: FAR_AWAY_SECONDS,
    sampleInt: SAMPLE_MS,
    timeout: TIMEOUT_SECONDS,
    bailout: ERRORS_MAX,
    requests,
    ...(script.setupClient ? { setupClient: script.setupClient } : {}),
  };
  const run = autocannon(options) as autocannon.Instance & Promise<autocannon.Result>;
  void run.on('response', (client, status, _bytes, latencyMs) => {
    answered += 1;
    recorder.answer(String(status), latencyMs);
    if (!script.expected.includes(status)) recorder.error(`status ${status}`);
    const connection = client as unknown as Connection;
    if (script.isOver() && (script.mayStop?.() ?? true)) connection.responseMax = connection.reqsMade;
  });
  void run.on('reqError', (error: Error) => recorder.error(error.message));
  await run;
  recorder.error('no answer', sent - answered);
}

function scriptOf(load: HttpLoad, recorder: Recorder): Omit<Script, 'isOver'> {
  const { expected } = load;
  const next = bookings(load);
  const post = { method: 'POST', headers: { 'Content-Type': 'application/json' } } as const;
  if (load.script === 'availability') {
    const paths = load.targets.map(({ eventId }) => `/v1/events/${eventId}/availability`);
    const setUp: Step['setUp'] = (request) => Object.assign(request, { path: paths[pick(paths.length)] });
    return { expected, requests: [{ method: 'GET', setUp }] };
  }
  const book: Step = { ...post, setUp: (request) => prepare(request, next()) };
  if (load.script === 'book') return { expected, requests: [book] };
  if (load.script === 'repeat') return { expected, requests: [book], setupClient: expectReplays(recorder) };
  return {
    expected,
    requests: [
      { ...book, onResponse: keepOrderId },
      { ...post, setUp: confirmOrder },
    ],
  };
}

interface Booking {
  path: string;
  body: string;
  key: string;
}

/** The bookings one after the other. Repeated keys come with the body of the first time, if the load has one target only. */
function bookings(load: HttpLoad): () => Booking {
  const holdSeconds = load.script === 'hold-and-confirm' ? HOLD_SECONDS : undefined;
  const prepared = Array.from({ length: PREPARED_BODIES }, (_, buyer) => {
    const target = load.targets[pick(load.targets.length)]!;
    return { path: bookingPath(target), body: bookingBody(target, buyer, holdSeconds) };
  });
  let count = 0;
  return () => {
    count += 1;
    const number = load.script === 'repeat' ? 1 + pick(load.repeated!) : count;
    return { ...prepared[number % PREPARED_BODIES]!, key: `${load.keyPrefix}-${number}` };
  };
}

export function prepare(request: autocannon.Request, { path, body, key }: Booking): autocannon.Request {
  request.path = path;
  request.body = body;
  request.headers!['Idempotency-Key'] = key;
  return request;
}

export function keepOrderId(status: number, body: string, context: object): void {
  Object.assign(context, { orderId: status === 201 ? (JSON.parse(body) as { id: string }).id : null });
}

/** Skipped when there is no order to confirm. */
export function confirmOrder(request: autocannon.Request, context: object): autocannon.Request | null {
  const { orderId } = context as { orderId: string | null };
  if (orderId === null) return null;
  request.path = `/v1/orders/${orderId}/confirm`;
  request.body = '{"paymentReference":"pay_1"}';
  request.headers!['Idempotency-Key'] = `confirm-${orderId}`;
  return request;
}

function expectReplays(recorder: Recorder): (client: autocannon.Client) => void {
  return (client) =>
    client.on('headers', (answer) => {
      const { headers } = answer as unknown as { headers: string[] };
      if (!headers.some((name) => name.toLowerCase() === 'idempotent-replayed')) recorder.error('not a replay');
    });
}

function pick(count: number): number {
  return Math.floor(Math.random() * count);
}
