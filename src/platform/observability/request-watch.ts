import { Inject, Injectable, Logger } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import type { Counter } from 'prom-client';
import { principalOf } from '../auth/principal.js';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { outcomeOf } from '../http/outcome.js';
import { requestIdOf } from '../http/request-id.js';
import { Metrics } from './metrics.js';
import { requestContext } from './request-context.js';
import { type Span, Tracing } from './tracing.js';

/** Everything that no route of the API answered: unknown addresses, `/docs`, and what is refused before the routing. */
const NO_ROUTE = 'other';
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const BUCKETS_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const TRACEPARENT = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-[\da-f]{16}-[\da-f]{2}(?:-|$)/;
/** Monitors ask every few seconds: counted, but not logged and not traced. */
const QUIET = /^\/health(?:\/|$)/i;

interface Series {
  outcomes: Counter<'outcome'> | undefined;
  count(): void;
  observe(seconds: number): void;
}

/** Counts, times, logs and traces every request, once, when its answer has gone out or its client has gone away. */
@Injectable()
export class RequestWatch {
  private readonly logger = new Logger('Request');
  private readonly logs: boolean;
  private inFlight = 0;
  /** Bound to their labels once: making label objects for every request would cost more than counting. */
  private readonly series = new Map<string, Series>();
  private readonly outcomes = new Map<string, Counter<'outcome'>>();
  private readonly requests;
  private readonly durations;
  private readonly problems;

  constructor(
    metrics: Metrics,
    private readonly tracing: Tracing,
    @Inject(ENVIRONMENT) { LOG_LEVEL, LOG_REQUESTS }: Pick<Environment, 'LOG_LEVEL' | 'LOG_REQUESTS'>,
  ) {
    this.logs = LOG_REQUESTS && LOG_LEVEL !== 'error' && LOG_LEVEL !== 'warn';
    this.requests = metrics.counter({
      name: 'holdfast_http_requests_total',
      help: 'Requests by route template and status; "aborted" when the client went away before the answer',
      labelNames: ['method', 'route', 'status'],
    });
    this.durations = metrics.histogram({
      name: 'holdfast_http_request_duration_seconds',
      help: 'From the head of the request to the end of the answer, without event streams',
      labelNames: ['method', 'route'],
      buckets: BUCKETS_SECONDS,
    });
    this.problems = metrics.counter({
      name: 'holdfast_http_problems_total',
      help: 'Answers with a problem, by its code',
      labelNames: ['route', 'code'],
    });
    const help = 'Requests that are being answered now, event streams included';
    metrics.look('holdfast_http_requests_in_flight', help, () => this.inFlight);
  }

  /** Has the outcomes of a route counted: the code of the problem, `replayed`, `aborted`, or the state that it led to. */
  countOutcomes(method: string, route: string, counter: Counter<'outcome'>): void {
    this.outcomes.set(`${method} ${route}`, counter);
  }

  readonly pass = (request: Request, response: Response, next: NextFunction): void => {
    const startedAt = performance.now();
    this.inFlight += 1;
    const requestId = requestIdOf(request);
    const span = QUIET.test(request.url)
      ? undefined
      : this.tracing.tracer?.startRequest(request.headers, { 'http.request.method': request.method, requestId });
    const traceId = span?.traceId ?? TRACEPARENT.exec(String(request.headers['traceparent'] ?? ''))?.[1];
    const context = { requestId, traceId, trace: span?.context };
    response.once('close', () => requestContext.run(context, () => this.end(request, response, startedAt, span)));
    requestContext.run(context, next);
  };

  private end(request: Request, response: Response, startedAt: number, span: Span | undefined): void {
    const seconds = (performance.now() - startedAt) / 1000;
    this.inFlight -= 1;
    const method = METHODS.has(request.method) ? request.method : 'other';
    const route = routeOf(request);
    const streams = isStream(response);
    const status = response.writableFinished || (streams && response.headersSent) ? String(response.statusCode) : 'aborted';
    const outcome = status === 'aborted' ? status : outcomeOf(response);
    const series = this.seriesOf(method, route, status);
    series.count();
    if (!streams) series.observe(seconds);
    if (outcome !== undefined) {
      if (response.statusCode >= 400 && status !== 'aborted') this.problems.inc({ route, code: outcome });
      series.outcomes?.inc({ outcome });
    }
    if (this.logs && !QUIET.test(request.url)) this.log(request, { method, route, status, outcome, seconds });
    if (span) endSpan(span, { method, route, status, outcome });
  }

  private seriesOf(method: string, route: string, status: string): Series {
    const key = `${method} ${status} ${route}`;
    let series = this.series.get(key);
    if (!series) {
      const counter = this.requests.labels(method, route, status);
      const histogram = this.durations.labels(method, route);
      const outcomes = this.outcomes.get(`${method} ${route}`);
      series = { outcomes, count: () => counter.inc(), observe: (seconds) => histogram.observe(seconds) };
      this.series.set(key, series);
    }
    return series;
  }

  private log(request: Request, { seconds, status, ...rest }: Ended & { seconds: number }): void {
    const line = {
      ...rest,
      status: Number(status) || status,
      ms: Math.round(seconds * 1e4) / 10,
      callerKind: principalOf(request).kind,
    };
    this.logger.log({ msg: 'answered', ...line });
  }
}

interface Ended {
  method: string;
  route: string;
  status: string;
  outcome: string | undefined;
}

/** The template, such as `/v1/orders/:orderId`: an address as it was sent would make a series for every order. */
function routeOf(request: Request): string {
  const path: unknown = (request.route as { path?: unknown } | undefined)?.path;
  return typeof path === 'string' ? path : NO_ROUTE;
}

function isStream(response: Response): boolean {
  const type = response.getHeader('content-type');
  return typeof type === 'string' && type.startsWith('text/event-stream');
}

function endSpan(span: Span, { method, route, status, outcome }: Ended): void {
  span.rename(`${method} ${route}`);
  span.set({
    'http.route': route,
    ...(status === 'aborted' ? {} : { 'http.response.status_code': Number(status) }),
    ...(outcome === undefined ? {} : { outcome }),
  });
  span.end(status.startsWith('5') || status === 'aborted' ? (outcome ?? status) : undefined);
}
