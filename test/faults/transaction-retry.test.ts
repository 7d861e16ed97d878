import type { EntityManager } from '@mikro-orm/postgresql';
import { Logger } from '@nestjs/common';
import { DatabaseDownError } from '../../src/platform/database/connection-circuit.js';
import { CommitOutcomeUnknownError, CommitRolledBackError } from '../../src/platform/database/database-errors.js';
import { TransactionRetry } from '../../src/platform/database/transaction-retry.js';

const RETRIES = 3;
const database = { waits: 0 };
const em = { fork: () => ({ transactional: () => Promise.resolve(database.waits++) }) } as unknown as EntityManager;
const retry = new TransactionRetry(em, { TRANSACTION_RETRIES: RETRIES });

/** Fails with `error` as often as told, then succeeds. */
function failing(times: number, error: Error) {
  const work = {
    runs: 0,
    run: () => (++work.runs <= times ? Promise.reject(error) : Promise.resolve(`after ${work.runs}`)),
  };
  return work;
}

const coded = (code: string, more: object = {}) => Object.assign(new Error('from the server'), { code, ...more });

const TRANSIENT: Array<[what: string, error: Error, problem: string]> = [
  ['a lost connection', coded('57P01'), 'database-unavailable'],
  ['a refused connection', coded('ECONNREFUSED'), 'database-unavailable'],
  ['a serialization failure', coded('40001'), 'overloaded'],
  ['a deadlock', coded('40P01'), 'overloaded'],
  ['a lock time-out', coded('55P03'), 'overloaded'],
  ['a key that was recorded meanwhile', coded('23505', { constraint: 'idempotency_keys_pkey' }), 'overloaded'],
];
const UNKNOWN = new CommitOutcomeUnknownError(coded('57P01'));

beforeAll(() => Logger.overrideLogger(false));

describe('a transaction that failed', () => {
  it.each(TRANSIENT)('by %s is run again', async (_, error) => {
    const work = failing(RETRIES, error);
    expect(await retry.run(work.run, { recognisesItsOwnCommit: false })).toBe(`after ${RETRIES + 1}`);
  });

  it.each(TRANSIENT)('by %s again and again is given up after a bounded number of runs', async (_, error, code) => {
    const work = failing(Infinity, error);
    await expect(retry.run(work.run, { recognisesItsOwnCommit: true })).rejects.toMatchObject({ code, cause: error });
    expect(work.runs).toBe(RETRIES + 1);
  });

  it.each([
    ['a violated constraint', coded('23514', { constraint: 'ticket_types_never_oversold' })],
    ['a swallowed error', new CommitRolledBackError()],
    ['a bug', new TypeError('undefined is not a function')],
  ])('by %s is not run again, and the error is as it was', async (_, error) => {
    const work = failing(1, error);
    await expect(retry.run(work.run, { recognisesItsOwnCommit: true })).rejects.toBe(error);
    expect(work.runs).toBe(1);
  });

  it('for want of a connection has waited long enough already: overloaded at once', async () => {
    const work = failing(1, new Error('timeout exceeded when trying to connect'));
    await expect(retry.run(work.run, { recognisesItsOwnCommit: true })).rejects.toMatchObject({ code: 'overloaded' });
    expect(work.runs).toBe(1);
  });

  it('at a COMMIT of unknown outcome is run again if it recognises its own commit', async () => {
    const work = failing(1, UNKNOWN);
    const { waits } = database;
    expect(await retry.run(work.run, { recognisesItsOwnCommit: true })).toBe('after 2');
    // What the second run found may be on this server only, until the standby is known to have it.
    expect(database.waits).toBe(waits + 1);
  });

  it.each<[what: string, error: Error]>([
    ['is kept from its rows', coded('40001')],
    ['gets no connection', new Error('timeout exceeded when trying to connect')],
    ['finds the database down', new DatabaseDownError(0, coded('ECONNREFUSED'))],
  ])('at a COMMIT of unknown outcome stays so, when what comes after it %s', async (_, error) => {
    let runs = 0;
    const work = () => Promise.reject(++runs === 1 ? UNKNOWN : error);
    await expect(retry.run(work, { recognisesItsOwnCommit: true })).rejects.toMatchObject({
      code: 'database-unavailable',
      detail: expect.stringContaining('the outcome is not known'),
    });
  });

  it('inside of another one is not run again by both', async () => {
    const work = failing(Infinity, coded('57P01'));
    await expect(retry.read(() => retry.read(work.run))).rejects.toMatchObject({ code: 'database-unavailable' });
    expect(work.runs).toBe(RETRIES + 1);
  });

  it('because the database is known to be down is not run again, and the caller is told when to come back', async () => {
    const work = failing(1, new DatabaseDownError(1_400, coded('ECONNREFUSED')));
    await expect(retry.run(work.run, { recognisesItsOwnCommit: true })).rejects.toMatchObject({
      code: 'database-unavailable',
      retryAfterSeconds: 2,
    });
    expect(work.runs).toBe(1);
  });

  it('at a COMMIT of unknown outcome is never run again otherwise', async () => {
    const work = failing(1, UNKNOWN);
    await expect(retry.run(work.run, { recognisesItsOwnCommit: false })).rejects.toMatchObject({ code: 'database-unavailable' });
    expect(work.runs).toBe(1);
  });
});
