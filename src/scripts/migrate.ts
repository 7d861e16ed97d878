import { Logger } from '@nestjs/common';
import { ormConfig } from '../../mikro-orm.config.js';
import { migrate } from '../platform/database/migrations.js';
import { databaseEnvironmentOrExit, orExit } from './environment.js';

Logger.overrideLogger(['fatal', 'error', 'warn']);
const config = ormConfig(databaseEnvironmentOrExit());
await orExit(async () => {
  const ran = await migrate(config);
  console.log(ran.length === 0 ? 'The schema is up to date.' : ran.map((name) => `Ran ${name}`).join('\n'));
});
