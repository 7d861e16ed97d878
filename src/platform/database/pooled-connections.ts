import type * as Pg from 'pg';
import type { ConnectionCircuit } from './connection-circuit.js';

/** What a pool needs of its clients beyond node-pg's own. */
export interface PooledClient extends Pg.PoolClient {
  destroy(why: string): void;
  /** Connects as a new connection does, without asking the circuit. */
  connectAndCheck(): Promise<void>;
}

interface PoolInternals {
  options: Pg.PoolConfig & { Client: new (config: Pg.PoolConfig) => PooledClient };
  _isFull(): boolean;
  _pendingQueue: Array<{ callback: (error: Error) => void }>;
}

/**
 * Looks after the connections of a pool.
 * - One that dies while it is in use goes back, exactly once. Without this MikroORM 7.2.1 with Kysely 0.29 leaks it: commit and
 *   rollback both throw and `release()` is never called (Kysely's issue #1990), so the pool hangs after `max` such failures.
 * - All can be retired, when they lead to a server that is not the primary any more.
 * - While the server has no connection left to give, those that are there are waited for. While it cannot be reached, nobody
 *   waits: what is in use hangs as well, most likely.
 */
export function guardPool(pool: Pg.Pool, circuit: ConnectionCircuit | null): void {
  const connections = new Map<PooledClient, { isInUse: boolean; isRetired: boolean }>();
  pool.on('connect', (client) => {
    const pooled = client as PooledClient;
    const state = { isInUse: true, isRetired: false };
    connections.set(pooled, state);
    const release = wrapRelease(pooled, state);
    client.once('end', () => {
      connections.delete(pooled);
      release(new Error('The connection ended while it was in use'));
    });
  });

  if (!circuit) return;
  const internals = pool as unknown as PoolInternals;
  const isFull = internals._isFull.bind(pool);
  internals._isFull = () => isFull() || (circuit.isOpenForWantOfSlots && connections.size > 0);

  const connect = pool.connect.bind(pool) as (callback?: (error: Error) => void) => Promise<Pg.PoolClient>;
  const connectOrRefuse = (callback?: (error: Error) => void) => {
    const refusal = pool.idleCount > 0 || circuit.isOpenForWantOfSlots ? null : circuit.refusal;
    if (!refusal) return connect(callback);
    return callback ? callback(refusal) : Promise.reject(refusal);
  };
  pool.connect = connectOrRefuse as typeof pool.connect;

  circuit.guard({
    probe: () => probe(new internals.options.Client(internals.options)),
    refuseWaiting: (error) => {
      for (const { callback } of internals._pendingQueue.splice(0)) callback(error);
    },
    retireAll: () => {
      for (const [client, state] of connections) {
        state.isRetired = true;
        if (!state.isInUse) client.destroy('it leads to a read-only server');
      }
    },
  });
}

/** @returns what gives the client back from its present use, if it is in use */
function wrapRelease(client: PooledClient, state: { isInUse: boolean; isRetired: boolean }): (error: Error) => void {
  let release: (error?: Error | boolean) => void = () => {};
  // pg-pool assigns a new `release` at each check-out, after its last event: an accessor is the one place to wrap it.
  Object.defineProperty(client, 'release', {
    configurable: true,
    get: () => release,
    set: (original: (error?: Error | boolean) => void) => {
      state.isInUse = true;
      release = (error) => {
        if (!state.isInUse) return;
        state.isInUse = false;
        original(error ?? state.isRetired);
      };
    },
  });
  return (error) => release(error);
}

async function probe(client: PooledClient): Promise<void> {
  try {
    await client.connectAndCheck();
  } finally {
    void client.end().catch(() => {});
  }
}
