import type { MikroORM } from '@mikro-orm/postgresql';
import type * as Pg from 'pg';

export type TransactionOutcome = 'committed' | 'rolled-back' | 'unknown';

/** Told about one transaction. Times are of `performance.now()`. */
export interface TransactionWatch {
  /** A statement that locks rows got them, or failed to. */
  locked(askedAt: number): void;
  /** @param askedAt when COMMIT or ROLLBACK was sent */
  ended(outcome: TransactionOutcome, askedAt: number): void;
}

/** Who watches the connections of one ORM; nobody at first. */
export class ConnectionWatch {
  begin: (() => TransactionWatch) | null = null;
  pool: Pg.Pool | null = null;
}

export function connectionWatchOf(orm: MikroORM): ConnectionWatch {
  return orm.config.get<'driverOptions', { Client: { watch: ConnectionWatch } }>('driverOptions').Client.watch;
}
