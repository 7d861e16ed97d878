import type { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { v7 as uuidv7 } from 'uuid';
import { JobQueues } from '../jobs/job-queues.js';
import type { DomainEventConsumer } from './consumers.js';
import type { DomainEvent } from './domain-event.js';
import { type Subscription, SUBSCRIPTION } from './on-domain-event.decorator.js';

/** What the queues of subscribers begin with. */
export const SUBSCRIBER_QUEUE_PREFIX = 'on.';

/** Facts that may wait for one subscriber as jobs; further ones wait in the feed, where they cost nothing. */
const WAITING_MAX = 2_000;
const DEFAULT_RETRIES = 12;
const RETRY_DELAY_MAX_SECONDS = 600;
const NAME = /^[\w.-]{1,80}$/;

/** A fact as it waits for a subscriber. */
export type QueuedFact = Omit<DomainEvent, 'occurredAt'> & { occurredAt: string };

/** Finds the methods with `OnDomainEvent`, and gives each a queue of its own. */
@Injectable()
export class Subscribers implements OnModuleInit {
  readonly consumers: DomainEventConsumer[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly queues: JobQueues,
  ) {}

  /** @throws Error when two subscribers have one name */
  onModuleInit(): void {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    for (const instance of new Set(wrappers.map((wrapper) => wrapper.instance as unknown))) {
      if (!instance || typeof instance !== 'object') continue;
      const prototype = Object.getPrototypeOf(instance) as object | null;
      if (!prototype || prototype === Object.prototype) continue;
      for (const method of this.scanner.getAllMethodNames(prototype)) {
        const handler = (instance as Record<string, unknown>)[method] as (event: DomainEvent) => Promise<void> | void;
        const subscription = Reflect.getMetadata(SUBSCRIPTION, handler) as Subscription | undefined;
        if (subscription) this.subscribe(subscription, `${instance.constructor.name}.${method}`, handler.bind(instance));
      }
    }
  }

  private subscribe(
    { types, name: given, retries = DEFAULT_RETRIES }: Subscription,
    byDefault: string,
    handle: (event: DomainEvent) => Promise<void> | void,
  ): void {
    const name = given ?? byDefault;
    if (!NAME.test(name)) throw new Error(`${name} cannot be the name of a subscriber`);
    const queue = SUBSCRIBER_QUEUE_PREFIX + name;
    this.queues.define<QueuedFact>({
      name: queue,
      // One job per order at a time, oldest first; one that failed for good holds back its order until somebody decides.
      policy: 'key_strict_fifo',
      retries,
      retryDelayMaxSeconds: RETRY_DELAY_MAX_SECONDS,
      handle: async ({ data }) => handle({ ...data, occurredAt: new Date(data.occurredAt) }),
    });
    this.consumers.push({
      name: queue,
      types,
      readiness: async (em) => ((await this.queues.waiting(em, queue, WAITING_MAX)) < WAITING_MAX ? 'take' : 'wait'),
      take: (em, events) => this.enqueue(em, queue, events),
    });
  }

  private enqueue(em: EntityManager, queue: string, events: readonly DomainEvent[]): Promise<void> {
    return this.queues.insert(
      em,
      queue,
      // Jobs that are made at once are told apart by their ids only, and these grow.
      events.map((event) => ({ id: uuidv7(), key: event.orderId ?? event.eventId ?? event.type, data: event })),
    );
  }
}
