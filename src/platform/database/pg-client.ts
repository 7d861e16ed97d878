import { createRequire } from 'node:module';
import { callbackify } from 'node:util';
import type * as Pg from 'pg';
import type { Environment } from '../config/environment.js';
import { assertOwnConnection } from './connection-guard.js';
import { type ConnectionCircuit, ReadOnlyServerError } from './connection-circuit.js';
import { ConnectionWatch, type TransactionOutcome, type TransactionWatch } from './connection-watch.js';
import { classifyDatabaseError, CommitOutcomeUnknownError, CommitRolledBackError, isReadOnlyServer } from './database-errors.js';

// The very `pg` that MikroORM uses: another copy would have other classes.
export const pg = createRequire(import.meta.resolve('@mikro-orm/postgresql'))('pg') as typeof Pg;

export type SessionSettings = Pick<
  Environment,
  | 'DATABASE_PGBOUNCER'
  | 'DATABASE_STATEMENT_TIMEOUT_MS'
  | 'DATABASE_LOCK_TIMEOUT_MS'
  | 'DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS'
  | 'DATABASE_TRANSACTION_TIMEOUT_MS'
  | 'DATABASE_CLIENT_CHECK_INTERVAL_MS'
  | 'DATABASE_CONNECT_TIMEOUT_MS'
  | 'DATABASE_QUERY_TIMEOUT_MS'
>;

/** Two statements with one name are an error of the driver. */
const STATEMENT_NAME = /^\s*\/\* ([a-z-]{1,60}) \*\//;

/** For the server 0 is none; for a timer of Node the longest is 24 days. */
const NO_TIMEOUTS = {
  DATABASE_STATEMENT_TIMEOUT_MS: 0,
  DATABASE_LOCK_TIMEOUT_MS: 0,
  DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: 0,
  DATABASE_TRANSACTION_TIMEOUT_MS: 0,
  DATABASE_QUERY_TIMEOUT_MS: 2 ** 31 - 1,
} satisfies Partial<SessionSettings>;

/** Looked for at the end only: a statement may be long. */
const LOCKS = / for (?:no key )?update(?: skip locked| nowait)?\s*$/i;
const LONGEST_LOCK_CLAUSE = 32;

/** A transaction that allows itself another time (long-statements.ts). */
const OWN_TIMEOUT = /^set local statement_timeout = (\d+)/;
/** How much longer than the server the client waits, which then has not answered at all. */
const GRACE_MS = 5_000;

const NO_RESULT: Pg.QueryResult = { command: 'BEGIN', rowCount: null, oid: 0, fields: [], rows: [] };

/** `SET [scope] …` for every setting that Holdfast rests on and a server of this major version knows. */
function settingStatements(scope: 'SESSION' | 'LOCAL', settings: SessionSettings, serverMajor: number): string {
  const values: Record<string, string | number> = {
    standard_conforming_strings: 'on',
    // What is read after the lock must be the latest, whatever the server's default is (docs/decisions/read-committed.md).
    [scope === 'LOCAL' ? 'transaction_isolation' : 'default_transaction_isolation']: `'read committed'`,
    statement_timeout: settings.DATABASE_STATEMENT_TIMEOUT_MS,
    lock_timeout: settings.DATABASE_LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: settings.DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS,
    client_connection_check_interval: settings.DATABASE_CLIENT_CHECK_INTERVAL_MS,
    ...(serverMajor >= 17 ? { transaction_timeout: settings.DATABASE_TRANSACTION_TIMEOUT_MS } : {}),
  };
  return Object.entries(values)
    .map(([name, value]) => `SET ${scope} ${name} = ${value}`)
    .join('; ');
}

/**
 * The `pg` client class that every connection uses. It adds what node-pg does not do:
 * - a COMMIT that was answered with ROLLBACK is an error, and a COMMIT without an answer is an error of its own kind;
 * - the time-outs of the server are set, per session, or per transaction where a pooler shares sessions (DATABASE_PGBOUNCER);
 * - a statement with bind parameters that begins with a comment is prepared under the comment's text as its name, so that the
 *   server parses and plans it once per connection (docs/performance.md). Not behind a transaction pooler;
 * - BEGIN goes to the server together with the first statement of the transaction, which saves a round trip;
 * - a query that outlasts DATABASE_QUERY_TIMEOUT_MS destroys the connection, unless its transaction set a longer time-out of
 *   its own. node-pg's own `query_timeout` would give the busy connection back to the pool, where the next query times out
 *   as well;
 * - a commit that the synchronous standby has not confirmed is one of unknown outcome, though the server only warns;
 * - a new connection asks the circuit first, and must lead to a server that can be written to. Without a circuit neither is
 *   so: for connections to a replica;
 * - in tests, a statement of an extension on another connection than that of its transaction is refused.
 */
export function pgClientClass(
  settings: SessionSettings,
  watch = new ConnectionWatch(),
  circuit: ConnectionCircuit | null = null,
): typeof Pg.Client {
  return class HoldfastClient extends pg.Client {
    /** The same class for work that may take as long as it takes, such as migrations. */
    static withoutTimeouts(): typeof Pg.Client {
      return pgClientClass({ ...settings, ...NO_TIMEOUTS }, undefined, circuit);
    }

    static readonly watch = watch;
    private transaction: TransactionWatch | null = null;
    private serverMajor = 0;
    private pendingBegin: string | undefined;
    private isCommittedOnlyLocally = false;
    private patienceMs = settings.DATABASE_QUERY_TIMEOUT_MS;

    constructor(config: Pg.ClientConfig) {
      // pg-pool hides the password from enumeration, so the spread alone would lose it.
      super({
        ...config,
        password: config.password,
        connectionTimeoutMillis: settings.DATABASE_CONNECT_TIMEOUT_MS,
        keepAlive: true,
      });
      const { connection } = this as unknown as { connection: NodeJS.EventEmitter };
      connection.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
        if (message.parameterName === 'server_version') this.serverMajor = Number.parseInt(message.parameterValue, 10);
      });
      this.on('notice', (notice) => (this.isCommittedOnlyLocally ||= saysCommittedOnlyLocally(notice)));
      // Whoever waits for an answer gets the error; without a listener it would also end the process.
      this.on('error', () => {});
    }

    override connect(): Promise<this>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<this> | void {
      if (!callback) return this.connectThroughCircuit();
      callbackify(() => this.connectThroughCircuit())(callback);
    }

    private async connectThroughCircuit(): Promise<this> {
      circuit?.admit();
      try {
        await this.connectAndCheck();
      } catch (error) {
        circuit?.failed(error);
        throw error;
      }
      circuit?.succeeded();
      return this;
    }

    /** @throws ReadOnlyServerError when the server is a standby */
    async connectAndCheck(): Promise<void> {
      await super.connect();
      try {
        await this.prepareSession();
      } catch (error) {
        this.destroy('it could not be prepared');
        throw error;
      }
    }

    private async prepareSession(): Promise<void> {
      const set = settings.DATABASE_PGBOUNCER ? '' : `${settingStatements('SESSION', settings, this.serverMajor)}; `;
      const { rows } = await this.send(`${set}SELECT current_setting('transaction_read_only') AS read_only`, undefined);
      if (circuit && (rows as Array<{ read_only: string }>)[0]!.read_only === 'on') throw new ReadOnlyServerError();
    }

    // The signature of `pg.Client.query` has nine overloads; only the promise form with a text is changed here.
    override query(...args: never[]): never {
      const [text, , callback] = args as unknown[];
      if (typeof text !== 'string' || typeof callback === 'function' || typeof args[1] === 'function') {
        return Reflect.apply(super.query, this, args) as never;
      }
      return this.guarded(text, args[1]) as never;
    }

    private async guarded(text: string, values: unknown[] | undefined): Promise<Pg.QueryResult> {
      if (/^(begin|start transaction)\b[^;]*;?\s*$/i.test(text)) {
        this.transaction = watch.begin?.() ?? null;
        this.pendingBegin = settings.DATABASE_PGBOUNCER
          ? `${text}; ${settingStatements('LOCAL', settings, this.serverMajor)}`
          : text;
        return NO_RESULT;
      }
      assertOwnConnection(this);
      const ownTimeoutMs = Number(OWN_TIMEOUT.exec(text)?.[1] ?? 0);
      if (ownTimeoutMs > 0) this.patienceMs = Math.max(this.patienceMs, ownTimeoutMs + GRACE_MS);
      if (/^(commit|rollback)$/i.test(text)) this.patienceMs = settings.DATABASE_QUERY_TIMEOUT_MS;
      const begin = this.pendingBegin;
      this.pendingBegin = undefined;
      if (begin === undefined) return this.send(text, values);
      if (!values?.length && !/^(commit|rollback)$/i.test(text)) return this.send(`${begin}; ${text}`, undefined);
      await this.send(begin, undefined);
      return this.send(text, values);
    }

    private async send(text: string, values: unknown[] | undefined): Promise<Pg.QueryResult> {
      const isCommit = /^commit$/i.test(text);
      const name = settings.DATABASE_PGBOUNCER || !values?.length ? undefined : STATEMENT_NAME.exec(text)?.[1];
      const timer = setTimeout(() => {
        this.destroy('no answer within DATABASE_QUERY_TIMEOUT_MS');
        circuit?.suspect();
      }, this.patienceMs);
      this.isCommittedOnlyLocally = false;
      const askedAt = this.transaction ? performance.now() : 0;
      let end: TransactionOutcome = 'rolled-back';
      try {
        const results: Pg.QueryResult | Pg.QueryResult[] = await super.query({
          text,
          ...(values ? { values } : {}),
          ...(name ? { name } : {}),
        });
        // Several statements in one text have a result each.
        const result = Array.isArray(results) ? (results.at(-1) as Pg.QueryResult) : results;
        if (isCommit && result.command !== 'COMMIT') throw new CommitRolledBackError();
        if (this.isCommittedOnlyLocally) throw new CommitOutcomeUnknownError(new Error('The standby has not confirmed it'));
        if (isCommit) end = 'committed';
        return result;
      } catch (error) {
        if (isReadOnlyServer(error)) circuit?.foundReadOnly();
        const failure = classifyDatabaseError(error);
        const isUnknown = failure === 'commit-outcome-unknown' || (isCommit && failure === 'connection-lost');
        if (!isUnknown) throw error;
        end = 'unknown';
        throw error instanceof CommitOutcomeUnknownError ? error : new CommitOutcomeUnknownError(error);
      } finally {
        clearTimeout(timer);
        if (this.transaction) this.tellWatch(this.transaction, text, askedAt, end);
      }
    }

    private tellWatch(transaction: TransactionWatch, text: string, askedAt: number, end: TransactionOutcome): void {
      if (/^(?:commit|rollback)$/i.test(text)) {
        this.transaction = null;
        transaction.ended(end, askedAt);
      } else if (LOCKS.test(text.slice(-LONGEST_LOCK_CLAUSE))) transaction.locked(askedAt);
    }

    destroy(why: string): void {
      const { connection } = this as unknown as { connection: { stream: { destroy(error: Error): void } } };
      connection.stream.destroy(new Error(`Connection terminated: ${why}`));
    }
  };
}

/**
 * The wait for the synchronous standby was cancelled: the commit stands here, and is lost if the standby takes over.
 * The name of the function in the server tells it in every language of its messages.
 */
function saysCommittedOnlyLocally(notice: { routine?: string | undefined; detail?: string | undefined }): boolean {
  return notice.routine === 'SyncRepWaitForLSN' || /committed locally/.test(notice.detail ?? '');
}
