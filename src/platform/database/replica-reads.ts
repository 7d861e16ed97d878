import { IsolationLevel, EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { ENVIRONMENT } from '../config/config.module.js';
import type { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { classifyDatabaseError } from './database-errors.js';

/** How long the replicas are left alone after one did not answer. Then one read tries again, while the others stay away. */
const REST_MS = 5_000;

const ONE_MOMENT = { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true };

/**
 * Reads that may be a moment behind: from a replica, if there are any (DATABASE_REPLICA_URLS), and from the primary when the
 * replica does not answer. For lists and exports only: what was asked for by its id, and what a decision rests on, is read
 * from the primary, so that whoever has written finds it (docs/scaling.md).
 */
@Injectable()
export class ReplicaReads {
  private readonly logger = new Logger(ReplicaReads.name);
  private readonly thereAreReplicas: boolean;
  private restsUntilMs = 0;

  constructor(
    private readonly em: EntityManager,
    @Inject(ENVIRONMENT) environment: Pick<Environment, 'DATABASE_REPLICA_URLS'>,
  ) {
    this.thereAreReplicas = environment.DATABASE_REPLICA_URLS !== undefined;
  }

  /** @param work may run twice; its statements read the state of one moment */
  async read<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    if (this.mayAskReplica()) {
      try {
        const result = await this.readReplica(work);
        this.restsUntilMs = 0;
        return result;
      } catch (error) {
        if (error instanceof DomainError) throw error;
        this.noteFailure(error as Error);
      }
    }
    return this.readPrimary(work);
  }

  /** For who must find what they have just written. @param work its statements read the state of one moment */
  readPrimary<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    return this.em.fork().transactional(work, ONE_MOMENT);
  }

  private mayAskReplica(): boolean {
    if (!this.thereAreReplicas || performance.now() < this.restsUntilMs) return false;
    // After a rest this read is the one that tries.
    if (this.restsUntilMs > 0) this.restsUntilMs = performance.now() + REST_MS;
    return true;
  }

  /** In a transaction: MikroORM chooses a replica at random for each statement, and one may be further than another. */
  private readReplica<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    return this.em.getConnection('read').transactional(async (transaction) => {
      const em = this.em.fork();
      em.setTransactionContext(transaction);
      return work(em);
    }, ONE_MOMENT);
  }

  /** Whatever it was: a replica may lack the newest migration, or give up a read that stands in the way of its replay. */
  private noteFailure(error: Error): void {
    const failure = classifyDatabaseError(error);
    if (failure === 'connection-lost' || failure === 'exhausted') this.restsUntilMs = performance.now() + REST_MS;
    this.logger.warn(`A replica did not answer (${failure}: ${error.message}), the primary is asked instead`);
  }
}
