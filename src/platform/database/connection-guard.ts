import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';

/*
 * Whoever holds the lock of an event and waits for a second connection can stop the whole instance: all connections may be taken
 * by those who wait for the lock. So an extension may only use the transaction that it is given. Under NODE_ENV=test a statement
 * on another connection is refused; otherwise nothing is checked and nothing is spent.
 */
const GUARDING = process.env['NODE_ENV'] === 'test';
const logger = new Logger('Database');

interface Turn {
  /** The one that sent the first statement, which takes the lock. */
  connection?: object;
  /** The extension whose code runs; what it starts keeps its name. */
  extension?: string;
  broken?: Error;
}

const turns = new AsyncLocalStorage<Turn>();

/** Runs a transaction in which extensions take part. */
export function guardTurn<T>(work: () => Promise<T>): Promise<T> {
  return GUARDING ? turns.run({}, work) : work();
}

/** Runs the code of an extension. @throws Error when it used another connection, also when it caught the error of that */
export function asExtension<T>(extension: string, work: () => T): T {
  const turn = GUARDING ? turns.getStore() : undefined;
  if (!turn) return work();
  const own: Turn = { ...turn, extension };
  const result = turns.run(own, work);
  if (!(result instanceof Promise)) return result;
  return result.then((value: unknown) => {
    if (own.broken) throw own.broken;
    return value;
  }) as T;
}

/** To be called with the connection before each of its statements. @throws Error that names the extension */
export function assertOwnConnection(connection: object): void {
  const turn = GUARDING ? turns.getStore() : undefined;
  if (!turn) return;
  turn.connection ??= connection;
  if (turn.extension === undefined || turn.connection === connection) return;
  turn.broken = new Error(
    `The extension ${turn.extension} sent a statement on another connection than that of the transaction: ` +
      'it may use the EntityManager that it is given, and no other (docs/extending/policies.md)',
  );
  // Nobody may be waiting for the statement.
  logger.error(turn.broken.message);
  throw turn.broken;
}
