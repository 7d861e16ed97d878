import { Logger } from '@nestjs/common';
import { ormConfig } from '../../mikro-orm.config.js';
import { migrate } from '../platform/database/migrations.js';
import { databaseEnvironmentOrExit } from './environment.js';

Logger.overrideLogger(['fatal', 'error', 'warn']);
const ran = await migrate(ormConfig(databaseEnvironmentOrExit()));
console.log(ran.length === 0 ? 'The schema is up to date.' : ran.map((name) => `Ran ${name}`).join('\n'));
