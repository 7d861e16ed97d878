import 'reflect-metadata';
import { createApp } from '../../../src/app.js';
import { MODULES_ON_TOP } from '../../../src/app.module.js';
import { readEnvironment } from '../../../src/platform/config/environment.js';
import { MembersModule } from './members.module.js';

/** The app with the module, as a process of its own. */
const environment = readEnvironment(process.env);
const app = await createApp({ ...environment, DATABASE_URL: environment.DATABASE_URL! }, { logger: ['error', 'warn'] }, [
  ...MODULES_ON_TOP,
  MembersModule,
]);
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(`API: ${await app.getUrl()}/v1`);
