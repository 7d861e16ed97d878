import { Injectable } from '@nestjs/common';
import { Metrics } from '../../../platform/observability/metrics.js';
import { RequestWatch } from '../../../platform/observability/request-watch.js';

/** Those that dashboards and alerts ask for before the first one happens. */
const ALWAYS_SHOWN = ['confirmed', 'held', 'replayed', 'sold-out', 'overloaded', 'database-unavailable'];

/** Counts what became of the requests to book. */
@Injectable()
export class BookingMetrics {
  constructor(metrics: Metrics, requests: RequestWatch) {
    const outcomes = metrics.counter({
      name: 'holdfast_bookings_total',
      help: 'Requests to book by outcome: confirmed, held, replayed, aborted, or the code of the problem',
      labelNames: ['outcome'],
    });
    for (const outcome of ALWAYS_SHOWN) outcomes.inc({ outcome }, 0);
    requests.countOutcomes('POST', '/v1/events/:eventId/bookings', outcomes);
  }
}
