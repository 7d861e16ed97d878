import { Injectable } from '@nestjs/common';
import { Metrics } from '../../../platform/observability/metrics.js';
import { type RequestContext, requestContext } from '../../../platform/observability/request-context.js';
import { type TraceContext, Tracing } from '../../../platform/observability/tracing.js';
import type { EventLanes, LaneObserver } from '../event-lanes.js';

type Load = EventLanes<unknown, unknown>['load'];

interface Ticket {
  readonly joinedAt: number;
  /** Of the request that the command comes from; undefined for the background jobs. */
  readonly context: RequestContext | undefined;
}

/** Measures and traces how long commands wait in the lanes of their events, and the turns that they share. */
@Injectable()
export class LaneMetrics implements LaneObserver {
  private readonly waits;
  private readonly batches;
  private readonly turns;

  constructor(
    private readonly metrics: Metrics,
    private readonly tracing: Tracing,
  ) {
    this.waits = metrics.histogram({
      name: 'holdfast_lane_wait_seconds',
      help: 'How long a command waited in the lane of its event, until its turn began',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
    });
    this.batches = metrics.histogram({
      name: 'holdfast_lane_batch_size',
      help: 'Commands that shared a turn',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    });
    this.turns = metrics.histogram({
      name: 'holdfast_lane_turn_duration_seconds',
      help: 'How long a turn took, retries included',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
    });
  }

  /** @param load of the lanes, at the moment of a scrape */
  watch(load: () => Load): void {
    this.metrics.look('holdfast_lane_waiting', 'Commands that wait in the lanes of all events', () => load().waiting);
    this.metrics.look('holdfast_lane_longest', 'Commands that wait in the longest lane', () => load().longest);
    this.metrics.look('holdfast_lanes_running', 'Lanes whose turn is running', () => load().running);
  }

  join(): Ticket {
    return { joinedAt: performance.now(), context: requestContext.getStore() };
  }

  async turn(tickets: readonly Ticket[], run: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    for (const { joinedAt } of tickets) this.waits.observe((startedAt - joinedAt) / 1000);
    this.batches.observe(tickets.length);
    // In the context of its first command, and not of the one that happened to be there when the lane became free.
    const context = tickets[0]!.context;
    if (this.tracing.tracer) await this.traced(tickets, context, run);
    else await requestContext.run(context, run);
    this.turns.observe((performance.now() - startedAt) / 1000);
  }

  /** A turn is in the trace of its first traced command; the others have a link to it. */
  private async traced(tickets: readonly Ticket[], context: RequestContext | undefined, run: () => Promise<void>): Promise<void> {
    const tracer = this.tracing.tracer!;
    const requests: Array<{ trace: TraceContext; joinedAt: number }> = tickets
      .map((ticket) => ({ trace: ticket.context?.trace, joinedAt: ticket.joinedAt }))
      .filter(({ trace }) => trace !== undefined);
    const [first, ...others] = requests;
    if (!first) return requestContext.run(context, run);
    const turn = tracer.startSpan('turn', {
      parent: first.trace,
      links: others.map(({ trace }) => trace),
      attributes: { commands: tickets.length },
    });
    for (const { trace, joinedAt } of requests) {
      tracer.startSpan('lane wait', { parent: trace, startedAt: joinedAt, links: [turn.context] }).end();
    }
    await requestContext.run({ ...(context ?? BACKGROUND), trace: turn.context }, run);
    turn.end();
  }
}

const BACKGROUND = { requestId: 'background', traceId: undefined };
