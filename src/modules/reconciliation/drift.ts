import type { EntityManager } from '@mikro-orm/postgresql';
import type { CountDrift, KeptCounts } from '../../platform/kept-counts/kept-counts.js';

/** A number that is stored and is not what the orders, items and histories say. */
export interface Drift extends CountDrift {
  /** That of the {@link KeptCounts}. */
  kind: string;
  eventId: string;
}

export interface Found {
  drifts: Drift[];
  /** Whether there are more, of one kind or another, than were looked at. */
  more: boolean;
}

/** Most drifts of one kind that are found in one event at once. Those that can be repaired are found first. */
const DRIFTS_MAX = 1_000;

/**
 * Recomputes all counts of an event. Each statement compares what one moment's snapshot has, and every booking commits all
 * that belongs to it at once, so without any lock and under any load there is no drift found that is not there.
 */
export async function findDrift(em: EntityManager, kinds: readonly KeptCounts[], eventId: string): Promise<Found> {
  const found: Found = { drifts: [], more: false };
  for (const counts of kinds) {
    const drifts = await counts.find(em, eventId, DRIFTS_MAX + 1);
    found.drifts.push(...drifts.slice(0, DRIFTS_MAX).map((drift) => ({ ...drift, kind: counts.kind, eventId })));
    found.more ||= drifts.length > DRIFTS_MAX;
  }
  return found;
}

/** One line for people. */
export function describeDrift({ kind, eventId, targetId, name, stored, counted, obstacle }: Drift): string {
  const numbers = Object.keys(stored).map((what) => `${what} is ${stored[what]} and should be ${counted[what]}`);
  const subject = kind === 'event' ? '' : `, ${kind.replaceAll('-', ' ')} ${targetId}`;
  return `Event ${eventId}${subject} (${name}): ${numbers.join(', ')}${obstacle ? `; cannot be repaired: ${obstacle}` : ''}`;
}
