import { setTimeout as sleep } from 'node:timers/promises';
import { EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { messageOf } from '../errors/message-of.js';
import { DATABASE_UNAVAILABLE, OVERLOADED } from '../errors/platform.errors.js';
import { classifyDatabaseError, databaseDown, violates, type DatabaseFailure } from './database-errors.js';
import { waitForStandby } from './replication.js';

const FIRST_DELAY_MS = 20;
const LONGEST_DELAY_MS = 1_000;

export interface RetryOptions {
  /**
   * Whether a second run recognises what the first one committed (by its idempotency record, or because the state is
   * reached already). Only then is work whose commit got no answer run again; otherwise the caller gets 503 and must look.
   */
  recognisesItsOwnCommit: boolean;
}

/** The one place that runs a transaction again after a transient failure. */
@Injectable()
export class TransactionRetry {
  private readonly logger = new Logger(TransactionRetry.name);
  /** Told of each retry. */
  onRetry: (failure: DatabaseFailure) => void = () => {};

  constructor(
    private readonly em: EntityManager,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'TRANSACTION_RETRIES'>,
  ) {}

  /**
   * Runs `work`, which opens its own transaction (a fresh `em.fork()` each time), at most 1 + TRANSACTION_RETRIES times.
   * @throws DomainError `database-unavailable` or `overloaded` when the last retry failed too; any other error at once
   */
  async run<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
    let mayBeCommitted = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await work();
        // What it found may be on this server only.
        if (mayBeCommitted) await waitForStandby(this.em);
        return result;
      } catch (error) {
        const failure = this.failureOf(error);
        if (failure === 'fatal') throw error;
        mayBeCommitted ||= failure === 'commit-outcome-unknown';
        const mayRepeat = failure !== 'commit-outcome-unknown' || options.recognisesItsOwnCommit;
        if (!mayRepeat || failure === 'exhausted' || failure === 'down' || attempt >= this.environment.TRANSACTION_RETRIES) {
          throw unavailable(mayBeCommitted ? 'commit-outcome-unknown' : failure, error);
        }
        this.logger.warn(`Transaction failed (${failure}: ${messageOf(error)}), retry ${attempt + 1}`);
        this.onRetry(failure);
        await sleep(jitteredDelayMs(attempt));
      }
    }
  }

  /** Runs a read again after a transient failure. @throws like {@link run} */
  read<T>(work: () => Promise<T>): Promise<T> {
    return this.run(work, { recognisesItsOwnCommit: true });
  }

  private failureOf(error: unknown): DatabaseFailure {
    // An inner one has given up already.
    if (error instanceof DomainError) return 'fatal';
    // A repeat of a key that another transaction recorded meanwhile: run again, it finds the record.
    return violates(error, 'idempotency_keys_pkey') ? 'contention' : classifyDatabaseError(error);
  }
}

/** Exponential back-off with full jitter, so that many waiting requests do not come back at the same moment. */
function jitteredDelayMs(attempt: number): number {
  return Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
}

/** The problem that a client is told about a transient database failure. */
export function unavailable(failure: DatabaseFailure, cause: unknown): DomainError {
  if (failure === 'exhausted' || failure === 'contention') {
    return new DomainError(
      OVERLOADED,
      'Too many requests wait for the same rows or connections. Nothing was changed.',
      {},
      { cause },
    );
  }
  const detail =
    failure === 'commit-outcome-unknown'
      ? 'The database went away during the commit, so the outcome is not known. Repeat with the same Idempotency-Key, or read the resource.'
      : 'The database cannot be reached. Repeat the request, with the same Idempotency-Key if it had one.';
  const retryAfterSeconds = (databaseDown(cause)?.retryAfterMs ?? 0) / 1_000;
  return new DomainError(DATABASE_UNAVAILABLE, detail, {}, { cause, retryAfterSeconds });
}
