import type { Options } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { Environment } from '../config/environment.js';
import { pgClientClass } from './pg-client.js';
import { guardPool } from './pooled-connections.js';

/** How much longer than its own time-out a replica may take: after that it is frozen, and the primary can still answer. */
const GRACE_MS = 1_000;

/** What DATABASE_REPLICA_URLS adds to the options. Nothing is read there unless it is asked for, see ReplicaReads. */
export function withReplicas(options: Options, environment: Environment): Options {
  const { DATABASE_REPLICA_URLS: urls, DATABASE_STATEMENT_TIMEOUT_MS, DATABASE_QUERY_TIMEOUT_MS } = environment;
  if (urls === undefined) return options;
  const timeoutMs = Math.min(DATABASE_QUERY_TIMEOUT_MS, DATABASE_STATEMENT_TIMEOUT_MS + GRACE_MS);
  const Client = pgClientClass({ ...environment, DATABASE_QUERY_TIMEOUT_MS: timeoutMs });
  // Pool and connections of the primary are watched and have a circuit, not these.
  const onPoolCreated = (pool: Pool) => guardPool(pool, null);
  const driverOptions = { ...options.driverOptions, Client, onPoolCreated };
  return { ...options, replicas: urls.map((clientUrl) => ({ clientUrl, driverOptions })), preferReadReplicas: false };
}
