import { EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { sql } from 'kysely';
import { AuditLog, type AuditedChange } from '../../platform/audit/audit-log.js';
import { SYSTEM } from '../../platform/audit/author.js';
import { ENVIRONMENT } from '../../platform/config/config.module.js';
import type { Environment } from '../../platform/config/environment.js';
import { classifyDatabaseError } from '../../platform/database/database-errors.js';
import { allowLongStatements } from '../../platform/database/long-statements.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { providersWith } from '../../platform/discovery/providers-with.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { DATABASE_UNAVAILABLE } from '../../platform/errors/platform.errors.js';
import { KEPT_COUNTS, type KeptCounts } from '../../platform/kept-counts/kept-counts.js';
import { Event, lockEvent } from '../events/index.js';
import { COUNTS_OF_THE_CORE } from './core-counts.js';
import { type Drift, findDrift, type Found } from './drift.js';
import {
  beginRun,
  type CompleteRun,
  failRun,
  finishRun,
  lastCompleteRun,
  noteProgress,
  RunReport,
  type RunResult,
  RunTakenOverError,
  withdrawRun,
} from './reconciliation-runs.js';

const EVENTS_PER_READ = 200;
const HEARTBEAT_MS = 2_000;
/** By which its transactions are found. */
const APPLICATION_NAME = 'holdfast-reconcile';
/** A round repairs the most that is found at once. More rounds than any event needs, so that none goes on for ever. */
const ROUNDS_MAX = 1_000;

export interface ReconcileOptions {
  repair: boolean;
  /** See {@link beginRun}. */
  nightlyHour?: number;
  /** Ends the run, which is then as if it had not begun. */
  signal?: AbortSignal;
  onDrift?(drift: Drift, repaired: boolean): void;
  /** More has drifted in the event than was counted, and repaired. */
  onMore?(eventId: string): void;
  onFailure?(eventId: string, error: Error): void;
}

/** Recomputes every count from the orders, event by event, and says what has drifted. */
@Injectable()
export class ReconciliationService {
  private foundKinds: readonly KeptCounts[] | undefined;

  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'RECONCILE_STATEMENT_TIMEOUT_MS'>,
    private readonly discovery: DiscoveryService,
  ) {}

  private get kinds(): readonly KeptCounts[] {
    return (this.foundKinds ??= [
      ...COUNTS_OF_THE_CORE,
      ...providersWith(this.discovery, KEPT_COUNTS).map(({ instance }) => instance as KeptCounts),
    ]);
  }

  /** @returns null when another run is under way, or it is not due, or it was stopped */
  async run(options: ReconcileOptions): Promise<RunResult | null> {
    const id = await beginRun(this.em.fork(), options.repair, options.nightlyHour ?? null);
    if (id === null) return null;
    try {
      return await this.checkEvents(id, options);
    } catch (error) {
      // The cause is what is to be told; when the database is away the row is given up by its age.
      await failRun(this.em.fork(), id).catch(() => {});
      throw error;
    }
  }

  last(): Promise<CompleteRun | null> {
    return lastCompleteRun(this.em.fork());
  }

  private async checkEvents(id: string, options: ReconcileOptions): Promise<RunResult | null> {
    const report = new RunReport();
    let takenOver: RunTakenOverError | null = null;
    const heart = setInterval(() => {
      noteProgress(this.em.fork(), id, report.result).catch((error: unknown) => {
        if (error instanceof RunTakenOverError) takenOver = error;
      });
    }, HEARTBEAT_MS);
    const cancel = () => void this.cancelStatement();
    options.signal?.addEventListener('abort', cancel);
    try {
      for await (const eventId of this.eventIds()) {
        if (takenOver) throw takenOver;
        if (options.signal?.aborted) break;
        await this.checkEvent(eventId, options, report);
      }
    } finally {
      clearInterval(heart);
      options.signal?.removeEventListener('abort', cancel);
    }
    if (options.signal?.aborted) {
      await withdrawRun(this.em.fork(), id);
      return null;
    }
    await finishRun(this.em.fork(), id, report);
    return report.result;
  }

  private async *eventIds(): AsyncGenerator<string> {
    let after: string | null = null;
    for (;;) {
      const where: object = after === null ? {} : { id: { $gt: after } };
      const page = await this.retry.read(() =>
        this.em.fork().find(Event, where, { fields: ['id'], orderBy: { id: 'asc' }, limit: EVENTS_PER_READ }),
      );
      for (const { id } of page) yield id;
      if (page.length < EVENTS_PER_READ) return;
      after = page.at(-1)!.id;
    }
  }

  /** An event that cannot be checked does not keep the others from it. */
  private async checkEvent(eventId: string, options: ReconcileOptions, report: RunReport): Promise<void> {
    const tell = (drift: Drift, repaired: boolean) => {
      report.add(drift, repaired);
      options.onDrift?.(drift, repaired);
    };
    try {
      const found = await this.retry.read(() => this.inTransaction((em) => findDrift(em, this.kinds, eventId)));
      const repairs = found.drifts.length > 0 && options.repair;
      if (!repairs) for (const drift of found.drifts) tell(drift, false);
      if (repairs ? await this.repair(eventId, tell) : found.more) options.onMore?.(eventId);
      report.result.eventsChecked += 1;
    } catch (error) {
      if (options.signal?.aborted) return;
      if (error instanceof DomainError && error.problem === DATABASE_UNAVAILABLE) throw error;
      report.result.eventsFailed += 1;
      options.onFailure?.(eventId, error as Error);
    }
  }

  /** @returns whether there is more than it could repair or tell */
  private async repair(eventId: string, tell: (drift: Drift, repaired: boolean) => void): Promise<boolean> {
    for (let round = 1; ; round++) {
      const { drifts, more } = await this.repairOnce(eventId);
      const isLast = !more || round === ROUNDS_MAX || !drifts.some(isRepairable);
      // What cannot be repaired is found in every round.
      for (const drift of drifts) if (isLast || isRepairable(drift)) tell(drift, isRepairable(drift));
      if (isLast) return more;
    }
  }

  /** Counts again under the lock of the event, and writes what it counted. @returns what it found then */
  private async repairOnce(eventId: string): Promise<Found> {
    const unanswered = new Map<string, Drift>();
    const work = async () => {
      let repairable: Drift[] = [];
      try {
        return await this.inTransaction(async (em) => {
          await lockEvent(em, eventId);
          const found = await findDrift(em, this.kinds, eventId);
          repairable = found.drifts.filter(isRepairable);
          for (const drift of repairable) {
            await this.kinds.find(({ kind }) => kind === drift.kind)!.repair(em, eventId, drift);
          }
          await AuditLog.record(em, ...repairable.map(auditedRepair));
          return found;
        });
      } catch (error) {
        if (classifyDatabaseError(error) === 'commit-outcome-unknown') {
          for (const drift of repairable) unanswered.set(keyOf(drift), drift);
        }
        throw error;
      }
    };
    const { drifts, more } = await this.retry.run(work, { recognisesItsOwnCommit: true });
    // What the attempts before repaired, though they got no answer, is not found again.
    for (const drift of drifts) unanswered.delete(keyOf(drift));
    return { drifts: [...unanswered.values(), ...drifts], more };
  }

  /** To count a large event takes longer than a request may. */
  private inTransaction<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    return this.em.fork().transactional(async (em) => {
      await allowLongStatements(em, this.environment.RECONCILE_STATEMENT_TIMEOUT_MS);
      await em.execute(`set local application_name = '${APPLICATION_NAME}'`);
      return work(em);
    });
  }

  /** The one of this run, since one run is under way at a time. */
  private async cancelStatement(): Promise<void> {
    await sql`
      select pg_cancel_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = ${APPLICATION_NAME}
    `
      .execute(this.em.fork().getKysely())
      .catch(() => {});
  }
}

const keyOf = ({ kind, targetId, stored }: Drift) => [kind, targetId, ...Object.keys(stored)].join(' ');
const isRepairable = ({ obstacle }: Drift) => obstacle === null;

function auditedRepair({ kind, eventId, targetId, stored, counted }: Drift): AuditedChange {
  return { ...SYSTEM, action: `${kind}.repaired`, targetType: kind, targetId, eventId, before: stored, after: counted };
}
