import type { EntityManager } from '@mikro-orm/postgresql';
import { applyDecorators, Injectable, SetMetadata } from '@nestjs/common';

/** Numbers that are kept with a thing and are not what they would be if they were counted again. */
export interface CountDrift {
  /** Of the thing; a UUID. */
  targetId: string;
  /** For people; nothing that tells who a customer is. */
  name: string;
  stored: Record<string, number>;
  counted: Record<string, number>;
  /** Why it cannot be repaired, as when a constraint would refuse it; null: it can. */
  obstacle: string | null;
}

/** Numbers that a module keeps and could count again from the orders of an event. They are reconciled with those of the core. */
export interface KeptCounts {
  /** What they are kept with, as `gift-card`: its repairs are in the audit log as `gift-card.repaired`. */
  readonly kind: string;
  /**
   * Counts all of an event again, in one statement, so that it compares what was true at one moment, and without locks.
   * At most `limit` drifts, those with an obstacle last, so that they do not hide what can be repaired.
   */
  find(em: EntityManager, eventId: string, limit: number): Promise<CountDrift[]>;
  /** Writes what was counted: in the transaction that found it, under the lock of the event. */
  repair(em: EntityManager, eventId: string, drift: CountDrift): Promise<void>;
}

export const KEPT_COUNTS = Symbol('KEPT_COUNTS');

/** Registers a provider that is {@link KeptCounts}. */
export function KeepsCounts(): ClassDecorator {
  return applyDecorators(Injectable(), SetMetadata(KEPT_COUNTS, true));
}
