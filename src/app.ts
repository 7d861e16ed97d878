import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestApplicationOptions } from '@nestjs/common';
import { ormConfig } from '../mikro-orm.config.js';
import { AppModule } from './app.module.js';
import { setUpApp } from './app.setup.js';
import type { Environment } from './platform/config/environment.js';

/** The application, set up and not yet listening. */
export async function createApp(
  environment: Environment & { DATABASE_URL: string },
  options: NestApplicationOptions = {},
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(environment, ormConfig(environment)), {
    bodyParser: false,
    ...options,
  });
  setUpApp(app);
  return app;
}
