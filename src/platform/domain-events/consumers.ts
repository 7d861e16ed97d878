import type { EntityManager } from '@mikro-orm/postgresql';
import { applyDecorators, Injectable, SetMetadata } from '@nestjs/common';
import type { DomainEvent, DomainEventType } from './domain-event.js';

/** Takes over domain events in bulk: each once, in their order, in the transaction that notes how far it has come. */
export interface DomainEventConsumer {
  /** Unique and never changed: its place in the feed is kept under it. A new consumer begins with what happens from then on. */
  readonly name: string;
  /** Null: all of them. */
  readonly types: readonly DomainEventType[] | null;
  /**
   * Whether it wants to take over any now. While it does not, they wait; with `skip` they are passed over for good.
   * Without the method it always does.
   */
  readiness?(em: EntityManager): Promise<'take' | 'wait' | 'skip'>;
  /** Writes what is to be done about them. Only through `em`, and nothing that takes long: no network. */
  take(em: EntityManager, events: readonly DomainEvent[]): Promise<void>;
}

export const DOMAIN_EVENT_CONSUMER = Symbol('DOMAIN_EVENT_CONSUMER');

/** Registers a provider that is a {@link DomainEventConsumer}. For one fact after the other, use `OnDomainEvent`. */
export function ConsumesDomainEvents(): ClassDecorator {
  return applyDecorators(Injectable(), SetMetadata(DOMAIN_EVENT_CONSUMER, true));
}
