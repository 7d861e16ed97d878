import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { MikroORM } from '@mikro-orm/postgresql';
import { Logger, type LogLevel } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ormConfig } from '../mikro-orm.config.js';
import { createApp } from './app.js';
import { DEMO, seedDemoEvent } from './modules/events/index.js';
import { firstAdminKey } from './platform/auth/first-key.js';
import type { Environment } from './platform/config/environment.js';
import { EmbeddedPostgres } from './platform/database/embedded-postgres.js';
import { StartLogger } from './platform/observability/start-logger.js';
import { assertMigrated, migrate } from './platform/database/migrations.js';
import { environmentOrExit } from './scripts/environment.js';

const LOG_LEVELS: LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'];
const DATABASE = 'holdfast';

const environment = environmentOrExit();
const adminKeyFile = join(environment.DATA_DIR, 'admin-key');
const logger = new StartLogger({
  prefix: 'Holdfast',
  colors: isatty(1),
  logLevels: LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(environment.LOG_LEVEL) + 1),
});
// For what is logged before there is an app.
Logger.overrideLogger(logger);

let embedded: EmbeddedPostgres | undefined;
let app: NestExpressApplication | undefined;
let stopping = false;

// Node's own report would print all members of the error, and those of a database error have the row that was refused.
process.on('uncaughtException', (error) => {
  logger.fatal(error instanceof Error ? error.stack : error);
  process.exit(1);
});
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());

try {
  await start();
} catch (error) {
  if (!stopping) {
    logger.error(`Cannot start: ${(error as Error).message}`);
    logger.debug((error as Error).stack ?? '');
    await app?.close();
    await embedded?.stop();
    process.exit(1);
  }
}

async function start(): Promise<void> {
  const settings = await databaseOf(environment);
  const orm = ormConfig(settings);
  if (embedded || settings.MIGRATE_ON_START) {
    for (const name of await migrate(orm)) logger.log(`Ran ${name}`);
  }
  app = await createApp(settings, { logger });
  await assertMigrated(app.get(MikroORM));
  const { em } = app.get(MikroORM);
  if (embedded) await seedDemoEvent(em);
  const key = embedded ? await firstAdminKey(em, adminKeyFile) : null;
  await app.listen(settings.PORT, settings.HOST);
  announce(await app.getUrl(), key);
}

/** The given database, or the embedded one. */
async function databaseOf(settings: Environment): Promise<Environment & { DATABASE_URL: string }> {
  if (settings.DATABASE_URL !== undefined) return { ...settings, DATABASE_URL: settings.DATABASE_URL };
  logger.log('DATABASE_URL is not set: starting an embedded PostgreSQL');
  const server = new EmbeddedPostgres(settings.DATA_DIR, (message) => logger.warn(message));
  await server.start();
  await server.claim(DATABASE);
  embedded = server;
  return { ...settings, DATABASE_URL: server.url(DATABASE) };
}

/** @param key of the embedded database, which nobody else could have told */
function announce(url: string, key: string | null): void {
  const body = JSON.stringify({
    items: [{ ticketTypeId: DEMO.standardId, quantity: 1 }],
    customer: { email: 'ada@example.com', name: 'Ada' },
  });
  const lines = [`API:        ${url}/v1`, `Swagger UI: ${url}/docs`];
  if (key !== null) {
    lines.push(
      `Admin key:  ${key} (kept in ${adminKeyFile})`,
      'Book a ticket:',
      `curl -i -X POST ${url}/v1/events/${DEMO.eventId}/bookings -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -H 'Idempotency-Key: ${randomUUID()}' -d '${body}'`,
    );
  }
  console.log(`\n${lines.join('\n')}\n`);
}

/** Finishes what runs, then stops the embedded database, then leaves with 0; with 1 after SHUTDOWN_TIMEOUT_MS. */
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  logger.log('Stopping');
  setTimeout(() => process.exit(1), environment.SHUTDOWN_TIMEOUT_MS).unref();
  try {
    await app?.close();
    await embedded?.stop();
    process.exit(0);
  } catch (error) {
    logger.error(`Cannot stop cleanly: ${(error as Error).message}`);
    process.exit(1);
  }
}
