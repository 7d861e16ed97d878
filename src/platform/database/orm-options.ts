import { fileURLToPath } from 'node:url';
import { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { Migrator } from '@mikro-orm/migrations';
import { defineConfig, type EntityClass, type Options } from '@mikro-orm/postgresql';
import { Logger } from '@nestjs/common';
import type { Environment } from '../config/environment.js';
import { pgClientClass, releaseDeadClients } from './pg-client.js';

const logger = new Logger('Database');

/** The one ORM configuration. `baseUrl` is the folder that holds `migrations`, as a file URL. */
export function ormOptions(
  environment: Environment & { DATABASE_URL: string },
  entities: EntityClass<unknown>[],
  baseUrl: string,
): Options {
  const HoldfastClient = pgClientClass(environment);
  return defineConfig({
    clientUrl: environment.DATABASE_URL,
    entities,
    extensions: [Migrator],
    metadataProvider: ReflectMetadataProvider,
    colors: false,
    logger: (message) => logger.debug(message),
    metadataCache: { enabled: false },
    pool: { min: 0, max: environment.DATABASE_POOL_MAX },
    driverOptions: {
      Client: HoldfastClient,
      application_name: 'holdfast',
      connectionTimeoutMillis: environment.DATABASE_POOL_WAIT_MS,
      onConnect: (client: { prepareSession(): Promise<void> }) => client.prepareSession(),
      onPoolCreated: releaseDeadClients,
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
}
