import { readEnvironment } from './src/platform/config/environment.js';
import { entities } from './src/entities.js';
import { ormOptions } from './src/platform/database/orm-options.js';
import { withReplicas } from './src/platform/database/replica-options.js';

/** The ORM configuration of a database, for the app, the scripts and the tests. */
export const ormConfig = (environment: ReturnType<typeof readEnvironment> & { DATABASE_URL: string }) =>
  withReplicas(ormOptions(environment, entities, import.meta.url), environment);

/** For the MikroORM CLI; commands that touch a database need DATABASE_URL. */
export default () => {
  const environment = readEnvironment(process.env);
  return ormConfig({ ...environment, DATABASE_URL: environment.DATABASE_URL ?? 'postgresql://localhost/holdfast' });
};
