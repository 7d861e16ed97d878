import { createRequire } from 'node:module';
import type * as Pg from 'pg';
import type { Environment } from '../config/environment.js';
import { classifyDatabaseError, CommitOutcomeUnknownError, CommitRolledBackError } from './database-errors.js';

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
 * - a query that outlasts DATABASE_QUERY_TIMEOUT_MS destroys the connection. node-pg's own `query_timeout` would give the
 *   busy connection back to the pool, where the next query times out as well.
 */
export function pgClientClass(settings: SessionSettings): typeof Pg.Client {
  return class HoldfastClient extends pg.Client {
    private serverMajor = 0;
    private pendingBegin: string | undefined;

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
    }

    /** Run once for a new connection, before its first use. */
    async prepareSession(): Promise<void> {
      if (!settings.DATABASE_PGBOUNCER) await this.guarded(settingStatements('SESSION', settings, this.serverMajor), undefined);
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
      if (/^(begin|start transaction)\b/i.test(text)) {
        this.pendingBegin = settings.DATABASE_PGBOUNCER
          ? `${text}; ${settingStatements('LOCAL', settings, this.serverMajor)}`
          : text;
        return NO_RESULT;
      }
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
      const timer = setTimeout(() => this.destroySocket(), settings.DATABASE_QUERY_TIMEOUT_MS);
      try {
        const results: Pg.QueryResult | Pg.QueryResult[] = await super.query({
          text,
          ...(values ? { values } : {}),
          ...(name ? { name } : {}),
        });
        // Several statements in one text have a result each.
        const result = Array.isArray(results) ? (results.at(-1) as Pg.QueryResult) : results;
        if (isCommit && result.command !== 'COMMIT') throw new CommitRolledBackError();
        return result;
      } catch (error) {
        if (isCommit && classifyDatabaseError(error) === 'connection-lost') throw new CommitOutcomeUnknownError(error);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    }

    private destroySocket(): void {
      const { connection } = this as unknown as { connection: { stream: { destroy(error: Error): void } } };
      connection.stream.destroy(new Error('Connection terminated: no answer within DATABASE_QUERY_TIMEOUT_MS'));
    }
  };
}

/**
 * Gives a connection that dies while it is in use back to its pool, exactly once.
 * Without this MikroORM 7.2.1 with Kysely 0.29 leaks it: commit and rollback both throw and `release()` is never called
 * (kysely issue 1990), so that after `max` such failures every request waits for ever.
 */
export function releaseDeadClients(pool: Pg.Pool): void {
  pool.on('connect', (client) => {
    let release: (error?: Error) => void = () => {};
    // pg-pool assigns a new `release` at each check-out, after its last event: an accessor is the one place to wrap it.
    Object.defineProperty(client, 'release', {
      configurable: true,
      get: () => release,
      set: (original: (error?: Error) => void) => {
        let released = false;
        release = (error) => {
          if (released) return;
          released = true;
          original(error);
        };
      },
    });
    client.once('end', () => release(new Error('The connection ended while it was in use')));
  });
}
