import type { Target } from './bookings.js';
import type { BenchDatabase } from './database.js';
import type { Measured } from './run-load.js';

/** Each check returns a sentence for each fault, and nothing if all is well. */

const SHOWN_MAX = 5;
/** How far the size of the answers that a floor stores may be from the real one. */
const ANSWER_SIZE_TOLERANCE = 0.05;

export type RowCounts = Record<string, number>;

export async function checkInvariants(database: BenchDatabase, whose: string): Promise<string[]> {
  const broken = await database.brokenInvariants();
  const shown = broken.slice(0, SHOWN_MAX).map(({ invariant, subject, found }) => `${whose}: ${invariant}: ${subject}: ${found}`);
  return broken.length > SHOWN_MAX ? [...shown, `${whose}: and ${broken.length - SHOWN_MAX} more`] : shown;
}

/** How often the loads got this answer. */
export function countOf(measured: readonly Measured[], answer: string): number {
  return measured.reduce((total, { answers }) => total + (answers[answer] ?? 0), 0);
}

/** What was acknowledged is in the database, no more and no less. */
export function checkAcknowledged(booked: number, before: RowCounts, after: RowCounts, whose: string): string[] {
  const orders = after['orders']! - before['orders']!;
  return orders === booked ? [] : [`${whose}: ${booked} bookings acknowledged, ${orders} orders in the database`];
}

/** A booking of the floors leaves the same rows as one of the app: otherwise they are no floors. */
export function checkSameRows(
  app: { before: RowCounts; after: RowCounts; booked: number },
  floor: { before: RowCounts; after: RowCounts; booked: number },
): string[] {
  const [ofApp, ofFloor] = [rowsPerBooking(app), rowsPerBooking(floor)];
  return ofApp === ofFloor ? [] : [`rows per booking: ${ofApp} of the app, ${ofFloor} of the floors`];
}

function rowsPerBooking({ before, after, booked }: { before: RowCounts; after: RowCounts; booked: number }): string {
  return Object.entries(after)
    .map(([table, count]) => [table, count - (before[table] ?? 0)] as const)
    .filter(([, count]) => count !== 0)
    .map(([table, count]) => `${count / booked} ${table}`)
    .toSorted()
    .join(', ');
}

export async function checkSameAnswers(
  app: { database: BenchDatabase; targets: Target[] },
  floor: { database: BenchDatabase; targets: Target[] },
): Promise<string[]> {
  const ofApp = await app.database.averageAnswerBytes(app.targets);
  const ofFloor = await floor.database.averageAnswerBytes(floor.targets);
  if (Math.abs(ofFloor / ofApp - 1) <= ANSWER_SIZE_TOLERANCE) return [];
  return [`stored answers: ${Math.round(ofApp)} bytes of the app, ${Math.round(ofFloor)} bytes of the floors`];
}
