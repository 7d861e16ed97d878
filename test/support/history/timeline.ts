import type { Command } from './calls.js';
import { type OrderState, SequentialModel } from './sequential-model.js';
import type { StoredEvent } from './stored.js';
import type { Violation } from './violation.js';

export interface TimedState extends OrderState {
  orderId: string;
  sequence: number;
  step: string;
  at: number;
}

/** The history of an event, replayed: the state of everything after each of its lines. */
export class Timeline {
  readonly violations: Violation[] = [];
  readonly model: SequentialModel;
  /** The state of each order after each of its lines: that of version v is at v - 1. */
  private readonly states = new Map<string, TimedState[]>();
  /** By ticket type: how many are available after sequence 0, 1, 2 and so on. */
  private readonly available: Map<string, number[]>;

  /** @param commandOf what led to each version of an order */
  constructor(event: StoredEvent, commandOf: (orderId: string, version: number) => Command | null) {
    this.model = new SequentialModel(event.ticketTypes);
    this.available = new Map(event.ticketTypes.map(({ id, capacity }) => [id, [capacity]]));
    const ended = new Map(event.orders.map((order) => [order.id, order.ended]));
    for (const line of event.lines) {
      this.expectNext(line.sequence);
      const states = this.states.get(line.orderId) ?? [];
      this.states.set(line.orderId, states);
      const command = commandOf(line.orderId, states.length + 1);
      for (const detail of this.model.apply(line, command, ended.get(line.orderId) ?? null)) {
        this.violations.push({ rule: 'illegal-step', subject: line.orderId, detail: `sequence ${line.sequence}: ${detail}` });
      }
      const { orderId, sequence, step, at } = line;
      states.push({ ...this.model.orders.get(orderId)!, orderId, sequence, step, at });
      for (const [id, numbers] of this.available) numbers.push(this.model.available(id));
    }
    if (event.sequence !== this.last) {
      const detail = `the event is at ${event.sequence}, its history ends at ${this.last}`;
      this.violations.push({ rule: 'gap', subject: event.id, detail });
    }
  }

  /** The number of the last line. */
  get last(): number {
    return this.availableOf(this.available.keys().next().value!).length - 1;
  }

  statesOf(orderId: string): readonly TimedState[] {
    return this.states.get(orderId) ?? [];
  }

  availableAt(ticketTypeId: string, sequence: number): number {
    return this.availableOf(ticketTypeId)[sequence]!;
  }

  private availableOf(ticketTypeId: string): number[] {
    return this.available.get(ticketTypeId)!;
  }

  private expectNext(sequence: number): void {
    if (sequence === this.last + 1) return;
    this.violations.push({ rule: 'gap', subject: String(sequence), detail: `follows ${this.last}` });
    for (const numbers of this.available.values()) while (numbers.length < sequence) numbers.push(numbers.at(-1)!);
  }
}
