import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { requestContext } from './request-context.js';

export type SpanAttributes = Record<string, string | number | boolean>;

/** What other spans can hang on. */
export type TraceContext = unknown;

export interface Span {
  readonly traceId: string;
  readonly context: TraceContext;
  set(attributes: SpanAttributes): void;
  rename(name: string): void;
  /** @param failure what went wrong, in a word; undefined: nothing did */
  end(failure?: string): void;
}

export interface SpanOptions {
  parent?: TraceContext;
  /** Of `performance.now()`; now without it. */
  startedAt?: number;
  links?: readonly TraceContext[];
  attributes?: SpanAttributes;
}

/** The little of OpenTelemetry that is needed here, so that it is loaded only when it is used. */
export interface Tracer {
  /** The span of a request, which continues the trace of its `traceparent`. */
  startRequest(headers: IncomingHttpHeaders, attributes: SpanAttributes): Span;
  startSpan(name: string, options: SpanOptions): Span;
  /** Sends what is not sent yet. */
  stop(): Promise<void>;
}

/** Who traces; nobody unless OTEL_EXPORTER_OTLP_ENDPOINT is set. */
@Injectable()
export class Tracing implements OnApplicationShutdown {
  private constructor(readonly tracer: Tracer | null) {}

  static readonly provider = {
    provide: Tracing,
    inject: [ENVIRONMENT],
    useFactory: (environment: Environment) => Tracing.start(environment),
  };

  static async start(
    environment: Pick<Environment, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_TRACES_SAMPLER_ARG'>,
  ): Promise<Tracing> {
    const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: ratio } = environment;
    if (endpoint === undefined) return new Tracing(null);
    const { openTelemetryTracer } = await import('./open-telemetry.js');
    return new Tracing(openTelemetryTracer(endpoint, ratio));
  }

  /** A span under the one that is current in this asynchronous context; null when nobody traces, or nothing is traced here. */
  startSpan(name: string, options: Omit<SpanOptions, 'parent'> = {}): Span | null {
    const parent = this.tracer && requestContext.getStore()?.trace;
    return this.tracer && parent !== undefined && parent !== null ? this.tracer.startSpan(name, { ...options, parent }) : null;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.tracer?.stop();
  }
}
