import { DatabaseDownError } from '../../src/platform/database/connection-circuit.js';
import {
  classifyDatabaseError,
  CommitOutcomeUnknownError,
  CommitRolledBackError,
  type DatabaseFailure,
  violates,
} from '../../src/platform/database/database-errors.js';

const withCode = (code: string) => Object.assign(new Error('from the server'), { code });

const CODES: Array<[code: string, meaning: DatabaseFailure]> = [
  ['57P01', 'connection-lost'],
  ['57P02', 'connection-lost'],
  ['57P03', 'connection-lost'],
  ['25P03', 'connection-lost'],
  ['25P04', 'connection-lost'],
  ['25006', 'connection-lost'],
  ['08000', 'connection-lost'],
  ['08001', 'connection-lost'],
  ['08003', 'connection-lost'],
  ['08004', 'connection-lost'],
  ['08006', 'connection-lost'],
  ['08P01', 'connection-lost'],
  ['53100', 'connection-lost'],
  ['53300', 'connection-lost'],
  ['ECONNRESET', 'connection-lost'],
  ['ECONNREFUSED', 'connection-lost'],
  ['EPIPE', 'connection-lost'],
  ['ETIMEDOUT', 'connection-lost'],
  ['EHOSTUNREACH', 'connection-lost'],
  ['ENOTFOUND', 'connection-lost'],
  ['EAI_AGAIN', 'connection-lost'],
  ['ENETUNREACH', 'connection-lost'],
  ['ENETDOWN', 'connection-lost'],
  ['EHOSTDOWN', 'connection-lost'],
  ['ECONNABORTED', 'connection-lost'],
  ['EADDRNOTAVAIL', 'connection-lost'],
  ['ENOENT', 'connection-lost'], // the socket file of a server that is stopped
  ['57P05', 'connection-lost'], // idle_session_timeout
  ['40001', 'contention'],
  ['40P01', 'contention'],
  ['55P03', 'contention'],
  ['57014', 'exhausted'], // query_canceled: statement_timeout
  ['23505', 'fatal'], // unique_violation
  ['23514', 'fatal'], // check_violation
  ['25P02', 'fatal'], // in_failed_sql_transaction
  ['42601', 'fatal'], // syntax_error
  ['28P01', 'fatal'], // invalid_password
  ['P0001', 'fatal'], // raise_exception
];

const MESSAGES: Array<[message: string, meaning: DatabaseFailure]> = [
  ['Connection terminated', 'connection-lost'],
  ['Connection terminated unexpectedly', 'connection-lost'],
  ['Connection terminated due to connection timeout', 'connection-lost'],
  ['Client has encountered a connection error and is not queryable', 'connection-lost'],
  ['Client was closed and is not queryable', 'connection-lost'],
  ['timeout expired', 'connection-lost'],
  ['Query read timeout', 'connection-lost'],
  ['timeout exceeded when trying to connect', 'exhausted'],
  ['the timeout expired long ago', 'fatal'],
  ['Cannot read properties of undefined', 'fatal'],
];

/** As an error arrives: as it is, and wrapped by one and by several layers. */
const WRAPPINGS: Array<[how: string, wrap: (cause: unknown) => unknown]> = [
  ['bare', (cause) => cause],
  ['wrapped', (cause) => new Error('DriverException', { cause })],
  ['wrapped three times', (cause) => new Error('a', { cause: new Error('b', { cause: new Error('c', { cause }) }) })],
];

describe.each(WRAPPINGS)('what a database error means, %s', (_, wrap) => {
  it.each(CODES)('code %s: %s', (code, meaning) => {
    expect(classifyDatabaseError(wrap(withCode(code)))).toBe(meaning);
  });

  it.each(MESSAGES)('message "%s" without a code: %s', (message, meaning) => {
    expect(classifyDatabaseError(wrap(new Error(message)))).toBe(meaning);
  });

  it('a lost COMMIT is of unknown outcome, whatever took the connection', () => {
    for (const cause of [withCode('57P01'), withCode('40001'), new Error('Connection terminated unexpectedly')]) {
      expect(classifyDatabaseError(wrap(new CommitOutcomeUnknownError(cause)))).toBe('commit-outcome-unknown');
    }
  });

  it('what the circuit refuses is down, whatever opened it', () => {
    expect(classifyDatabaseError(wrap(new DatabaseDownError(1, withCode('40001'))))).toBe('down');
  });

  it('a COMMIT answered with ROLLBACK is a bug, never tried again', () => {
    expect(classifyDatabaseError(wrap(new CommitRolledBackError()))).toBe('fatal');
  });

  it('a violated constraint is found by its name', () => {
    const error = wrap(Object.assign(withCode('23505'), { constraint: 'orders_sequence_key' }));
    expect(violates(error, 'orders_sequence_key')).toBe(true);
    expect(violates(error, 'orders_pkey')).toBe(false);
  });
});

describe('what is no error object', () => {
  it.each([[undefined], [null], ['57P01'], [57], [{}]])('%p is fatal', (thrown) => {
    expect(classifyDatabaseError(thrown)).toBe('fatal');
  });

  it('a chain of causes that never ends is fatal', () => {
    const error = new Error('round');
    error.cause = error;
    expect(classifyDatabaseError(error)).toBe('fatal');
  });
});
