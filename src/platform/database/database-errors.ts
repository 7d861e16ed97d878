import { DatabaseDownError } from './connection-circuit.js';

/**
 * A COMMIT was sent and no answer came: the transaction is committed or it is not.
 * Only work that can recognise its own effect (an idempotency record, a state that is reached already) may be run again.
 */
export class CommitOutcomeUnknownError extends Error {
  constructor(cause: unknown) {
    super('The connection was lost while the transaction was being committed', { cause });
  }
}

/**
 * A COMMIT was answered with ROLLBACK: an SQL error inside the transaction had been swallowed.
 * PostgreSQL reports this only in the command tag, so without this error the caller would believe in a commit.
 */
export class CommitRolledBackError extends Error {
  constructor() {
    super('COMMIT was answered with ROLLBACK: an earlier statement of the transaction had failed');
  }
}

export const UNDEFINED_TABLE = '42P01';
const READ_ONLY = '25006'; // read_only_sql_transaction

const CONNECTION_LOST = new Set([
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  READ_ONLY, // a standby, so a failover is under way
  '53300', // too_many_connections
  '53100', // disk_full
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'ECONNABORTED',
  'EADDRNOTAVAIL',
  'ENOENT', // the socket file of a server that is stopped
]);

/** node-pg raises these without any code. */
const CONNECTION_LOST_MESSAGES =
  /Connection terminated|Client has encountered a connection error|Client was closed and is not queryable|^timeout expired$|Query read timeout/;

const CONTENTION = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available (lock_timeout)
]);

const POOL_EXHAUSTED = /^timeout exceeded when trying to connect$/;
const QUERY_CANCELED = '57014'; // statement_timeout

interface ErrorLike {
  code?: unknown;
  message?: unknown;
  cause?: unknown;
  constraint?: unknown;
}

/** The error and what caused it: MikroORM and Kysely wrap what the driver throws. */
function* chain(error: unknown): Generator<ErrorLike> {
  let current = error;
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth++) {
    yield current;
    current = (current as ErrorLike).cause;
  }
}

function some(error: unknown, test: (link: ErrorLike) => boolean): boolean {
  for (const link of chain(error)) if (test(link)) return true;
  return false;
}

/**
 * What a database error means for the caller's next step. `down`: it is known to be, so another try now is of no use. `exhausted`: it took too long,
 * and so would another try. `fatal`: a bug or a broken rule, so do not try again.
 */
export type DatabaseFailure = 'down' | 'connection-lost' | 'contention' | 'exhausted' | 'commit-outcome-unknown' | 'fatal';

export function classifyDatabaseError(error: unknown): DatabaseFailure {
  if (some(error, (link) => link instanceof CommitOutcomeUnknownError)) return 'commit-outcome-unknown';
  if (databaseDown(error)) return 'down';
  if (some(error, (link) => CONTENTION.has(String(link.code)))) return 'contention';
  if (some(error, (link) => link.code === QUERY_CANCELED || POOL_EXHAUSTED.test(String(link.message)))) return 'exhausted';
  if (some(error, isConnectionLost)) return 'connection-lost';
  return 'fatal';
}

function isConnectionLost(link: ErrorLike): boolean {
  const code = typeof link.code === 'string' ? link.code : '';
  return CONNECTION_LOST.has(code) || code.startsWith('08') || CONNECTION_LOST_MESSAGES.test(String(link.message));
}

/** Whether the database refused a row because of this constraint (primary key, unique, foreign key or CHECK). */
export function violates(error: unknown, constraint: string): boolean {
  return some(error, (link) => link.constraint === constraint);
}

/** The refusal of the circuit, when that is what went wrong. */
export function databaseDown(error: unknown): DatabaseDownError | null {
  for (const link of chain(error)) if (link instanceof DatabaseDownError) return link;
  return null;
}

/** Whether the server refused a statement because it takes no writes. */
export function isReadOnlyServer(error: unknown): boolean {
  return some(error, ({ code }) => code === READ_ONLY);
}
