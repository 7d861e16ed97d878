import { AsyncLocalStorage } from 'node:async_hooks';

/** What is known of the request that something is done for. */
export interface RequestContext {
  readonly requestId: string;
  /** Of the caller's `traceparent`, or the one that was begun here; undefined when nobody traces. */
  readonly traceId: string | undefined;
  /** The span that is current, for {@link Tracer}. */
  readonly trace: unknown;
}

export const requestContext = new AsyncLocalStorage<RequestContext | undefined>();
