import { MikroORM } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import pTimeout from 'p-timeout';
import { ENVIRONMENT } from '../config/config.module.js';
import { ConnectionCircuit } from '../database/connection-circuit.js';
import type { SchemaRules } from '../database/migrations.js';
import { APPLIED_SCHEMA, compareSchema, knownSchema, type SchemaVersion } from '../database/schema-version.js';
import { UNDEFINED_TABLE } from '../database/database-errors.js';
import { TransactionRetry } from '../database/transaction-retry.js';

/** A database that has not answered by then is not one to send requests to. */
const PATIENCE_MS = 3_000;

export const DATABASE_STATES = ['ok', 'read-only', 'unreachable'] as const;
export const SCHEMA_STATES = ['ok', 'older', 'newer', 'unknown'] as const;
export const SHUTDOWN_STATES = ['ok', 'begun'] as const;

export interface ReadinessChecks {
  database: (typeof DATABASE_STATES)[number];
  schema: (typeof SCHEMA_STATES)[number];
  shutdown: (typeof SHUTDOWN_STATES)[number];
}

type DatabaseChecks = Omit<ReadinessChecks, 'shutdown'>;

const UNREACHABLE: DatabaseChecks = { database: 'unreachable', schema: 'unknown' };

/** Whether this instance can serve requests. However many ask at once, the database is asked once. */
@Injectable()
export class Readiness {
  private isLeaving = false;
  private known: SchemaVersion | undefined;
  private underway: Promise<DatabaseChecks> | undefined;

  constructor(
    private readonly orm: MikroORM,
    private readonly circuit: ConnectionCircuit,
    private readonly retry: TransactionRetry,
    @Inject(ENVIRONMENT) private readonly rules: SchemaRules,
  ) {}

  /** The shutdown begins. */
  leave(): void {
    this.isLeaving = true;
  }

  async check(): Promise<ReadinessChecks> {
    this.underway ??= this.askInTime().finally(() => (this.underway = undefined));
    return { ...(await this.underway), shutdown: this.isLeaving ? 'begun' : 'ok' };
  }

  private async askInTime(): Promise<DatabaseChecks> {
    if (this.circuit.isOpen && !this.circuit.isOpenForWantOfSlots) return UNREACHABLE;
    const answer = this.retry.read(() => this.ask()).catch(() => UNREACHABLE);
    const fallback = () => {
      this.circuit.suspect();
      return UNREACHABLE;
    };
    return pTimeout(answer, { milliseconds: PATIENCE_MS, fallback });
  }

  private async ask(): Promise<DatabaseChecks> {
    const em = this.orm.em.fork();
    try {
      const [row] = await em.execute<Array<SchemaVersion & { is_read_only: boolean }>>(
        `select current_setting('transaction_read_only') = 'on' as is_read_only, ${APPLIED_SCHEMA}`,
      );
      if (row!.is_read_only) this.circuit.foundReadOnly();
      return { database: row!.is_read_only ? 'read-only' : 'ok', schema: await this.schemaState(row!) };
    } catch (error) {
      if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return { database: 'ok', schema: 'older' };
      throw error;
    }
  }

  private async schemaState(applied: SchemaVersion): Promise<ReadinessChecks['schema']> {
    this.known ??= await knownSchema(this.orm);
    const { missing, unknown } = compareSchema(this.known, applied);
    if (missing.length > 0) return 'older';
    return unknown.length > 0 && !this.rules.SCHEMA_MAY_BE_NEWER ? 'newer' : 'ok';
  }
}
