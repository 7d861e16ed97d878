import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestApplicationOptions } from '@nestjs/common';
import { ormConfig } from '../mikro-orm.config.js';
import { AppModule, type ModulesOnTop } from './app.module.js';
import { setUpApp } from './app.setup.js';
import type { Environment } from './platform/config/environment.js';

/**
 * The application, set up and not yet listening.
 * @param modules on top of the core, in the place of those of `app.module.ts`
 */
export async function createApp(
  environment: Environment & { DATABASE_URL: string },
  options: NestApplicationOptions = {},
  modules?: ModulesOnTop,
): Promise<NestExpressApplication> {
  const root = AppModule.forRoot(environment, ormConfig(environment), modules);
  const app = await NestFactory.create<NestExpressApplication>(root, { bodyParser: false, ...options });
  setUpApp(app);
  return app;
}
