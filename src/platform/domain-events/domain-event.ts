import type { Scope } from '../auth/scopes.js';

/** What happened, once and for all: a fact that was committed together with what it tells. */
export interface DomainEvent<Data extends object = object> {
  /** UUIDv7; a subscriber that sees it twice has seen the same fact twice. */
  readonly id: string;
  readonly type: string;
  /** Version of the shape of `data`; it grows when a member is renamed, dropped or changes its meaning, not when one is added. */
  readonly version: number;
  readonly eventId: string | null;
  readonly orderId: string | null;
  /** The number of its line of history, for facts about orders: without gaps per event. */
  readonly sequence: number | null;
  readonly occurredAt: Date;
  /** The order, event or whatever it is about, as the API showed it at that moment. */
  readonly data: Data;
}

/** A kind of domain event. `Data` is what its facts carry. */
export interface DomainEventType<Data extends object = object> {
  readonly type: string;
  readonly version: number;
  /** What happened, for the OpenAPI document. */
  readonly description: string;
  /** Name of the OpenAPI schema of the data, if there is one. */
  readonly schema?: string;
  /** Facts that the change feed shows to some of its readers only. */
  readonly restricted?: {
    /** What a reader must have besides `orders:read`. */
    readonly scope: Scope;
    /**
     * Which facts: SQL over a row of `domain_events` called `fact`; without it, all of the type. Its answer for a fact must never
     * change, or a reader who has passed the fact would miss it.
     */
    readonly when?: string;
  };
  /** Never there; it only keeps the type of the data. */
  readonly data?: Data;
}

/** A fact before it is written. */
export interface NewDomainEvent<Data extends object = object> {
  type: DomainEventType<Data>;
  eventId: string | null;
  /** Of facts about orders. */
  order?: { id: string; sequence: number };
  occurredAt: Date;
  data: Data;
}

const types = new Map<string, DomainEventType>();

/** Registers a kind of domain event. Each is defined once, by the module whose facts they are. */
export function defineDomainEvent<Data extends object>(definition: DomainEventType<Data>): DomainEventType<Data> {
  if (types.has(definition.type)) throw new Error(`Domain event ${definition.type} is defined twice`);
  types.set(definition.type, definition);
  return definition;
}

/** Every kind of domain event of the running application. */
export function allDomainEventTypes(): DomainEventType[] {
  return [...types.values()].toSorted((a, b) => a.type.localeCompare(b.type));
}
