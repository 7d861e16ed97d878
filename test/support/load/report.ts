import type { TestDatabase } from '../database.js';
import { checkHistory } from '../history/checker.js';
import { readStored } from '../history/stored.js';
import type { Violation } from '../history/violation.js';
import type { Load } from './load.js';
import { IS_LONG } from './rig.js';
import type { EventForSale } from './shoppers.js';

export interface LoadReport {
  violations: Violation[];
  brokenInvariants: Array<{ invariant: string; subject: string; found: string }>;
  /** Calls that were never answered though their clients went on asking. */
  abandoned: number;
  /** Steps that a load of that length must have come to, and has not. */
  missing: string[];
}

const VIOLATIONS_SHOWN = 20;

/**
 * Checks a load that has ended against the database and says how it went. @returns what must be empty and 0
 * @param others that have asked for the same events
 */
export async function settle(
  name: string,
  load: Load,
  events: readonly EventForSale[],
  database: TestDatabase,
  others: readonly Load[] = [],
): Promise<LoadReport> {
  const calls = [load, ...others].flatMap(({ recorder }) => recorder.calls);
  const violations: Violation[] = [];
  const steps = new Map<string, number>();
  for (const { eventId } of events) {
    const stored = await readStored(database, eventId);
    for (const { step } of stored.lines) steps.set(step, (steps.get(step) ?? 0) + 1);
    violations.push(...checkHistory(stored, calls));
  }
  const brokenInvariants = await database.brokenInvariants();
  const own = load.recorder.calls;
  const unknown = own.filter(({ answer }) => !answer).length;
  say(
    `${name}: ${own.length} calls, ${load.acknowledged} acknowledged, ${unknown} of unknown outcome, ` +
      `${steps.get('expire') ?? 0} holds expired and ${steps.get('revive') ?? 0} were revived, ` +
      `${load.failedAttempts} attempts failed; refused for ${Math.round(load.recorder.longestGapMs())} ms at most; ` +
      `${violations.length} violations`,
  );
  const abandoned = [load, ...others].reduce((sum, one) => sum + one.abandoned, 0);
  const isLong = IS_LONG && events.some(({ databaseUrl }) => databaseUrl);
  const missing = isLong ? ['expire', 'revive'].filter((step) => !steps.has(step)) : [];
  return { violations: violations.slice(0, VIOLATIONS_SHOWN), brokenInvariants, abandoned, missing };
}

/** What a settled load must come to. */
export const ALL_WELL: LoadReport = { violations: [], brokenInvariants: [], abandoned: 0, missing: [] };

/** A line of the report of the fault suite. */
export function say(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
