import { randomUUID } from 'node:crypto';
import { type Bench, measure, PAST_ORDERS, withProcesses } from './bench.js';
import { checkAcknowledged, checkInvariants } from './checks.js';
import type { Buyer } from './loads.js';
import { authorizationFor, startApp } from './processes.js';
import { errorsOf, measurementOf, type ScenarioResult } from './results.js';
import type { Measured } from './run-load.js';
import { median, percentile } from './statistics.js';

const TICKETS = 5_000;
const BUYERS = 20_000;

export const ON_SALE_TITLE = `${BUYERS.toLocaleString('en')} buyers look and book, for ${TICKETS.toLocaleString('en')} tickets (requests)`;

/** What one sale came to. Times in milliseconds. */
export interface Sale {
  soldOutAfterMs: number;
  lastAnswerAfterMs: number;
  /** From asking for a ticket to the answer, of those who got one and of those who did not. */
  wait: Record<'winners' | 'refused', { p50: number; p95: number; p99: number; max: number }>;
  /** Places between the order in which the winners asked and the order in which they were given tickets. */
  displacement: { p50: number; p99: number; max: number };
  /** Buyers who were refused though somebody who asked after them got a ticket. */
  overtaken: number;
}

/** The sale of one event from the first buyer to the last, once per round. */
export async function runOnSale(bench: Bench, name: string, connections: number): Promise<ScenarioResult> {
  const { database, signal } = bench;
  await database.refill(PAST_ORDERS, { count: 0 }, signal);
  return withProcesses([() => startApp(database.url)], async (app) => {
    const rounds: Measured[] = [];
    const complaints: string[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      const [target] = await database.addEvents({ count: 1, capacity: TICKETS });
      const before = await database.rowCounts();
      const headers = authorizationFor(app);
      const load = { url: app.api.url, headers, connections, target: target!, buyers: BUYERS, keyPrefix: randomUUID() };
      const measured = await measure(bench, { kind: 'on-sale', ...load }, [app]);
      rounds.push(measured);
      bench.log(`  app: ${Math.round(measured.latenciesMs.length / measured.seconds)} requests/s`);
      const winners = measured.buyers!.filter(({ sequence }) => sequence !== null).length;
      if (winners !== TICKETS) complaints.push(`app: ${winners} buyers got one of ${TICKETS} tickets`);
      if (measured.buyers!.length !== BUYERS) complaints.push(`app: ${measured.buyers!.length} of ${BUYERS} buyers came`);
      complaints.push(...checkAcknowledged(winners, before, await database.rowCounts(), 'app'));
    }
    const measurement = measurementOf(rounds);
    complaints.push(...errorsOf(measurement, 'app'), ...(await checkInvariants(database, 'app')));
    const sales = rounds.map(({ buyers }) => saleOf(buyers!));
    const result = { name, title: ON_SALE_TITLE, connections, app: measurement, floors: {}, ratios: {} };
    return { ...result, complaints, notes: notesOf(sales), details: { sales } };
  });
}

function saleOf(buyers: readonly Buyer[]): Sale {
  const inOrder = buyers.toSorted((a, b) => a.askedMs - b.askedMs);
  const winners = inOrder.filter(({ sequence }) => sequence !== null);
  const refused = inOrder.filter(({ sequence }) => sequence === null);
  const places = new Map(winners.toSorted((a, b) => a.sequence! - b.sequence!).map((buyer, place) => [buyer, place]));
  const displacements = winners.map((buyer, place) => Math.abs(places.get(buyer)! - place));
  const lastWinnerAsked = winners.at(-1)?.askedMs ?? 0;
  return {
    soldOutAfterMs: largest(winners.map(({ answeredMs }) => answeredMs)),
    lastAnswerAfterMs: largest(buyers.map(({ answeredMs }) => answeredMs)),
    wait: { winners: waitOf(winners), refused: waitOf(refused) },
    displacement: { p50: percentile(displacements, 50), p99: percentile(displacements, 99), max: largest(displacements) },
    overtaken: refused.filter(({ askedMs }) => askedMs < lastWinnerAsked).length,
  };
}

function waitOf(buyers: readonly Buyer[]) {
  const waits = buyers.map(({ askedMs, answeredMs }) => answeredMs - askedMs);
  return { p50: percentile(waits, 50), p95: percentile(waits, 95), p99: percentile(waits, 99), max: largest(waits) };
}

function largest(values: readonly number[]): number {
  return percentile(values, 100);
}

function notesOf(sales: readonly Sale[]): string[] {
  const of = (figure: (sale: Sale) => number) => median(sales.map(figure));
  const ms = (figure: (sale: Sale) => number) => `${of(figure).toFixed(0)} ms`;
  const wait = (who: keyof Sale['wait']) =>
    `${ms(({ wait: { [who]: p } }) => p.p50)} (p95 ${ms(({ wait: { [who]: p } }) => p.p95)}, p99 ${ms(({ wait: { [who]: p } }) => p.p99)}, longest ${ms(({ wait: { [who]: p } }) => p.max)})`;
  return [
    `sold out after ${(of(({ soldOutAfterMs }) => soldOutAfterMs) / 1000).toFixed(1)} s, the last buyer was answered after ${(of(({ lastAnswerAfterMs }) => lastAnswerAfterMs) / 1000).toFixed(1)} s`,
    `wait for a ticket: ${wait('winners')}; for a refusal: ${wait('refused')}`,
    `fairness: tickets went out ${of(({ displacement }) => displacement.p50)} places (p99 ${of(({ displacement }) => displacement.p99)}, at most ${of(({ displacement }) => displacement.max)}) from the order of asking; ${of(({ overtaken }) => overtaken)} were refused who had asked before the last winner`,
  ];
}
