import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span as OpenTelemetrySpan,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Span, SpanAttributes, SpanOptions, Tracer } from './tracing.js';

/** A receiver that is away must not use up the time that a shutdown may take. */
const STOP_TIMEOUT_MS = 2_000;

/**
 * Sends spans to an OTLP receiver, as JSON over HTTP. Imported only when there is one.
 * Nothing is registered globally: what is current is kept in {@link requestContext}.
 * @param ratio of the traces that begin here; what a caller has decided about its own is followed
 */
export function openTelemetryTracer(endpoint: string, ratio: number): Tracer {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'holdfast' }))
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const propagator = new W3CTraceContextPropagator();
  const tracer = provider.getTracer('holdfast');
  return {
    startRequest(headers: IncomingHttpHeaders, attributes: SpanAttributes): Span {
      const caller = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
      return toSpan(tracer.startSpan('request', { kind: SpanKind.SERVER, attributes }, caller), caller);
    },
    startSpan(name: string, { parent, startedAt, links = [], attributes = {} }: SpanOptions): Span {
      const options = {
        attributes,
        links: links.map((link) => ({ context: trace.getSpanContext(link as Context)! })),
        ...(startedAt === undefined ? {} : { startTime: performance.timeOrigin + startedAt }),
      };
      return toSpan(tracer.startSpan(name, options, parent as Context), parent as Context);
    },
    stop: () => Promise.race([provider.shutdown().catch(() => {}), sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]),
  };
}

function toSpan(span: OpenTelemetrySpan, parent: Context): Span {
  return {
    traceId: span.spanContext().traceId,
    context: trace.setSpan(parent, span),
    set: (attributes) => void span.setAttributes(attributes),
    rename: (name) => void span.updateName(name),
    end(failure) {
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      span.end();
    },
  };
}
