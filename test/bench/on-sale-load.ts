import type autocannon from 'autocannon';
import { bookingBody, bookingPath } from './bookings.js';
import { confirmOrder, drive, keepOrderId, prepare, type Step } from './http-load.js';
import type { Buyer, LoadResult, OnSaleLoad } from './loads.js';
import type { Recorder } from './recorder.js';

const HOLD_SECONDS = 600;
/** One buyer in so many holds the ticket and confirms it then. */
const HOLDS_ONE_IN = 4;

interface Visit {
  number: number;
  askedMs: number;
  orderId: string | null;
}

/** Lets all buyers in, as many at a time as there are connections, until each has a ticket or has been refused one. */
export async function runOnSaleLoad(load: OnSaleLoad, recorder: Recorder): Promise<LoadResult> {
  const buyers: Buyer[] = [];
  const bookingPathOfEvent = bookingPath(load.target);
  const startedAt = performance.now();
  let entered = 0;
  let visits = 0;
  let lastVisitEnded = false;

  const look: Step = {
    method: 'GET',
    setUp: (request) => {
      entered += 1;
      return Object.assign(request, { path: `/v1/events/${load.target.eventId}/availability` });
    },
    onResponse: () => (lastVisitEnded = false),
  };
  const book: Step = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    setUp: (request, context) => {
      visits += 1;
      Object.assign(context, { number: visits, askedMs: performance.now() - startedAt });
      const body = bookingBody(load.target, visits, holds(visits) ? HOLD_SECONDS : undefined);
      return prepare(request, { path: bookingPathOfEvent, body, key: `${load.keyPrefix}-${visits}` });
    },
    onResponse: (status, body, context) => {
      const { number, askedMs } = context as Visit;
      const sequence = status === 201 ? (JSON.parse(body) as { sequence: number }).sequence : null;
      buyers.push({ askedMs, answeredMs: performance.now() - startedAt, sequence });
      keepOrderId(holds(number) ? status : 0, body, context);
      lastVisitEnded = (context as Visit).orderId === null;
    },
  };
  const confirm: Step = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    setUp: (request: autocannon.Request, context) => confirmOrder(request, context),
    onResponse: () => (lastVisitEnded = true),
  };

  recorder.open();
  await drive(
    { urls: [load.url], connections: load.connections, headers: load.headers },
    {
      requests: [look, book, confirm],
      expected: [200, 201, 409],
      isOver: () => entered >= load.buyers,
      mayStop: () => lastVisitEnded,
    },
    recorder,
  );
  recorder.close();
  return { ...recorder.result(), buyers };
}

const holds = (visit: number) => visit % HOLDS_ONE_IN === 0;
