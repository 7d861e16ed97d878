import { SetMetadata } from '@nestjs/common';
import type { DomainEvent, DomainEventType } from './domain-event.js';

export interface SubscriptionOptions {
  /**
   * Unique and never changed: its place in the feed, its waiting facts and its dead letters are kept under it. Letters, digits,
   * `_`, `-` and `.`, at most 80. Without it, `Class.method`.
   */
  name?: string;
  /** How often a fact is tried again after a failure, with growing delays; then it is a dead letter. 0 to 100, default 12. */
  retries?: number;
}

export interface Subscription extends SubscriptionOptions {
  types: readonly DomainEventType[];
}

export const SUBSCRIPTION = Symbol('SUBSCRIPTION');

type Handler<Data extends object> = (event: DomainEvent<Data>) => Promise<void> | void;

/**
 * Calls the method with each fact of these kinds, after it was committed: at least once (after a crash or a failure again, so
 * let it be idempotent, by the fact's id), on one of the instances, and for each order in the order of its history. A fact that
 * fails holds back the later ones of its own order only, until it succeeds, or is discarded as a dead letter.
 */
export function OnDomainEvent<Data extends object>(
  types: DomainEventType<Data> | ReadonlyArray<DomainEventType<Data>>,
  options: SubscriptionOptions = {},
): <H extends Handler<Data>>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<H>) => void {
  const subscription: Subscription = { ...options, types: Array.isArray(types) ? types : [types as DomainEventType<Data>] };
  return (target, key, descriptor) => {
    SetMetadata(SUBSCRIPTION, subscription)(target, key, descriptor);
  };
}
