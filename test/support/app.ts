import { Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApp } from '../../src/app.js';
import { MODULES_ON_TOP, type ModulesOnTop } from '../../src/app.module.js';
import { readEnvironment } from '../../src/platform/config/environment.js';
import { ADMIN } from './api-keys.js';
import { ApiClient } from './client.js';
import { TestDatabase } from './database.js';

export interface TestApp {
  app: NestExpressApplication;
  api: ApiClient;
  url: string;
  database: TestDatabase;
  /** Closes the app and drops the database (or keeps it, when a test failed). */
  close(): Promise<void>;
}

/** Without it webhook endpoints could not be made. */
export const WEBHOOK_SECRET_KEY = Buffer.alloc(32, 'k').toString('base64');

/** The real application in this process, on a database of its own, listening on a free port; with `modules` on top. */
export async function startApp(
  variables: Record<string, string> = {},
  given?: TestDatabase,
  modules: ModulesOnTop = [],
): Promise<TestApp> {
  const database = given ?? (await TestDatabase.create());
  const DATABASE_URL = variables['DATABASE_URL'] ?? database.url;
  const app = await createApp(
    { ...readEnvironment({ WEBHOOK_SECRET_KEY, ...variables }), DATABASE_URL },
    { logger: process.env['TEST_LOG'] ? ['error'] : false, abortOnError: false },
    [...MODULES_ON_TOP, ...modules],
  );
  if (!process.env['TEST_LOG']) Logger.overrideLogger(false);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    database,
    api: new ApiClient(url, ADMIN.key),
    close: async () => {
      await app.close();
      if (!given) await database.drop();
    },
  };
}
