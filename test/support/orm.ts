import { MikroORM } from '@mikro-orm/postgresql';
import { ormConfig } from '../../mikro-orm.config.js';
import { readEnvironment } from '../../src/platform/config/environment.js';

/** Makes the entities usable without a database: MikroORM knows their relations, and never connects. */
export function discoverEntities(): MikroORM {
  return new MikroORM(ormConfig({ ...readEnvironment({}), DATABASE_URL: 'postgresql://nowhere/holdfast' }));
}
