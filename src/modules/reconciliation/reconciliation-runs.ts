import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { DATABASE_NOW } from '../../platform/database/clock.js';
import type { Drift } from './drift.js';

/** A run that has shown no sign of life for so long is dead. A run shows one every few seconds. */
const DEAD_AFTER_MINUTES = 5;
/** How soon a night's run that failed is tried again. */
const AGAIN_AFTER_MINUTES = 60;
/** Most findings that are stored with a run. */
const FINDINGS_MAX = 100;

const NOW = sql.raw(DATABASE_NOW);

export interface RunResult {
  eventsChecked: number;
  /** Events that could not be checked, as when their statements took too long. */
  eventsFailed: number;
  drifts: number;
  repaired: number;
}

/** What a run has found so far: all of it is counted, the first of it is kept. */
export class RunReport {
  readonly result: RunResult = { eventsChecked: 0, eventsFailed: 0, drifts: 0, repaired: 0 };
  readonly findings: Drift[] = [];

  add(drift: Drift, repaired: boolean): void {
    this.result.drifts += 1;
    if (repaired) this.result.repaired += 1;
    if (this.findings.length < FINDINGS_MAX) this.findings.push(drift);
  }
}

export interface CompleteRun extends RunResult {
  finishedAt: Date;
}

/** Another run, of this or another process, has taken the place of this one. */
export class RunTakenOverError extends Error {
  constructor() {
    super('Another reconciliation has taken over, since this one gave no sign of life');
  }
}

/**
 * Begins a run, unless another is under way: of all instances and scripts together one runs at a time. That is the row itself,
 * by a unique index, so that no lock and no transaction is kept while it counts.
 * @param nightlyHour begin only when there was no run since this hour (UTC) last passed; null: begin in any case
 * @returns its id; null when it must not begin
 */
export async function beginRun(em: EntityManager, repairs: boolean, nightlyHour: number | null): Promise<string | null> {
  await sql`
    update reconciliations set finished_at = ${NOW}, outcome = 'failed'
     where finished_at is null and heartbeat_at < ${NOW} - make_interval(mins => ${DEAD_AFTER_MINUTES})
  `.execute(em.getKysely());
  const { rows } = await sql<{ id: string }>`
    insert into reconciliations (id, repairs, started_at, heartbeat_at)
    select ${uuidv7()}, ${repairs}, now, now from (select ${NOW} as now) clock
     where ${nightlyHour === null ? sql`true` : isDue(nightlyHour)}
    on conflict do nothing returning id
  `.execute(em.getKysely());
  return rows[0]?.id ?? null;
}

function isDue(hour: number) {
  // The last time that the clock showed the hour: that of the day, of the time `hour` hours ago.
  const lastNight = sql`(date_trunc('day', now at time zone 'UTC' - make_interval(hours => ${hour})) + make_interval(hours => ${hour}))
                        at time zone 'UTC'`;
  return sql<boolean>`not exists (
    select from reconciliations
     where outcome = 'complete' and started_at >= ${lastNight}
        or started_at > now - make_interval(mins => ${AGAIN_AFTER_MINUTES}))`;
}

/** @throws RunTakenOverError */
export async function noteProgress(em: EntityManager, id: string, result: RunResult): Promise<void> {
  const { numAffectedRows } = await sql`
    update reconciliations
       set heartbeat_at = ${NOW}, events_checked = ${result.eventsChecked}, events_failed = ${result.eventsFailed}
     where id = ${id} and finished_at is null
  `.execute(em.getKysely());
  if (numAffectedRows === 0n) throw new RunTakenOverError();
}

/** @throws RunTakenOverError */
export async function finishRun(em: EntityManager, id: string, { result, findings }: RunReport): Promise<void> {
  const { numAffectedRows } = await sql`
    update reconciliations
       set heartbeat_at = ${NOW}, finished_at = ${NOW}, outcome = 'complete',
           events_checked = ${result.eventsChecked}, events_failed = ${result.eventsFailed},
           drifts = ${result.drifts}, repaired = ${result.repaired}, findings = ${JSON.stringify(findings)}
     where id = ${id} and finished_at is null
  `.execute(em.getKysely());
  if (numAffectedRows === 0n) throw new RunTakenOverError();
}

/** The run was stopped on purpose: another may begin at once. */
export async function withdrawRun(em: EntityManager, id: string): Promise<void> {
  await sql`delete from reconciliations where id = ${id} and finished_at is null`.execute(em.getKysely());
}

export async function failRun(em: EntityManager, id: string): Promise<void> {
  await sql`
    update reconciliations set finished_at = ${NOW}, outcome = 'failed' where id = ${id} and finished_at is null
  `.execute(em.getKysely());
}

/** The last run that went through; null: there was none. */
export async function lastCompleteRun(em: EntityManager): Promise<CompleteRun | null> {
  const { rows } = await sql<CompleteRun>`
    select finished_at as "finishedAt", events_checked as "eventsChecked", events_failed as "eventsFailed", drifts, repaired
      from reconciliations where outcome = 'complete' order by started_at desc limit 1
  `.execute(em.getKysely());
  const [run] = rows;
  return run ? { ...run, finishedAt: new Date(run.finishedAt) } : null;
}
