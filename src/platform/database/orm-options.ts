import { fileURLToPath } from 'node:url';
import { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { Migrator } from '@mikro-orm/migrations';
import { defineConfig, type EntityClass, type Options } from '@mikro-orm/postgresql';
import { Logger } from '@nestjs/common';
import type { Pool } from 'pg';
import type { Environment } from '../config/environment.js';
import { ConnectionCircuit } from './connection-circuit.js';
import { ConnectionWatch } from './connection-watch.js';
import { pgClientClass } from './pg-client.js';
import { guardPool } from './pooled-connections.js';

const logger = new Logger('Database');

/** The one ORM configuration. `baseUrl` is the folder that holds `migrations`, as a file URL. */
export function ormOptions(
  environment: Environment & { DATABASE_URL: string },
  entities: EntityClass<unknown>[],
  baseUrl: string,
): Options {
  const watch = new ConnectionWatch();
  const circuit = new ConnectionCircuit();
  const options = defineConfig({
    clientUrl: environment.DATABASE_URL,
    entities,
    // Under TypeScript loaders (Jest) MikroORM takes these, to which modules on top add theirs.
    entitiesTs: entities,
    extensions: [Migrator],
    metadataProvider: ReflectMetadataProvider,
    colors: false,
    logger: (message) => logger.debug(message),
    metadataCache: { enabled: false },
    pool: { min: 0, max: environment.DATABASE_POOL_MAX },
    driverOptions: {
      Client: pgClientClass(environment, watch, circuit),
      application_name: 'holdfast',
      connectionTimeoutMillis: environment.DATABASE_POOL_WAIT_MS,
      onPoolCreated: (pool: Pool) => {
        watch.pool = pool;
        guardPool(pool, circuit);
      },
    },
    migrations: {
      path: fileURLToPath(new URL('migrations', baseUrl)),
      pathTs: fileURLToPath(new URL('migrations', baseUrl)),
      glob: 'Migration*.{js,ts}',
      emit: 'ts',
      snapshot: false,
      fileName: (timestamp, name) => `Migration${timestamp}_${name ?? 'change'}`,
      transactional: true,
      allOrNothing: true,
    },
  });
  circuits.set(options.driverOptions!, circuit);
  return options;
}

const circuits = new WeakMap<object, ConnectionCircuit>();

/** The circuit before the connections of these options. */
export function circuitOf(options: Options): ConnectionCircuit {
  return circuits.get(options.driverOptions!)!;
}
