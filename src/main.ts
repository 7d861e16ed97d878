import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/postgresql';
import { Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ormConfig } from '../mikro-orm.config.js';
import { createApp } from './app.js';
import { DEMO, seedDemoEvent } from './modules/events/index.js';
import { keptSecretKey } from './modules/webhooks/index.js';
import { firstAdminKey } from './platform/auth/first-key.js';
import type { Environment } from './platform/config/environment.js';
import { EmbeddedPostgres } from './platform/database/embedded-postgres.js';
import { messageOf } from './platform/errors/message-of.js';
import { Readiness } from './platform/health/readiness.js';
import { createLogger } from './platform/observability/logger.js';
import { assertMigrated, migrate } from './platform/database/migrations.js';
import { environmentOrExit } from './scripts/environment.js';

const DATABASE = 'holdfast';
/** Of the time for a shutdown, the part after which connections are cut that are still open. */
const CONNECTIONS_SHARE = 0.75;

const environment = environmentOrExit();
const adminKeyFile = join(environment.DATA_DIR, 'admin-key');
const logger = await createLogger(environment);
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
    logger.error(`Cannot start: ${messageOf(error)}`);
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
  await assertMigrated(app.get(MikroORM), settings);
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
  const WEBHOOK_SECRET_KEY = settings.WEBHOOK_SECRET_KEY ?? [keptSecretKey(join(settings.DATA_DIR, 'webhook-secret-key'))];
  return { ...settings, DATABASE_URL: server.url(DATABASE), WEBHOOK_SECRET_KEY };
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

/**
 * Is not ready any more, gives load balancers SHUTDOWN_DELAY_MS to see it, finishes what runs, then stops the embedded database,
 * then leaves with 0; with 1 after SHUTDOWN_TIMEOUT_MS.
 */
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  logger.log('Stopping');
  setTimeout(() => process.exit(1), environment.SHUTDOWN_TIMEOUT_MS).unref();
  try {
    if (app) await stopServing(app);
    await embedded?.stop();
    process.exit(0);
  } catch (error) {
    logger.error(`Cannot stop cleanly: ${messageOf(error)}`);
    process.exit(1);
  }
}

async function stopServing(serving: NestExpressApplication): Promise<void> {
  serving.get(Readiness).leave();
  await sleep(environment.SHUTDOWN_DELAY_MS);
  // Who has not sent a whole request, or not read its answer, by then: they would keep the process from leaving.
  const leftMs = environment.SHUTDOWN_TIMEOUT_MS - environment.SHUTDOWN_DELAY_MS;
  setTimeout(() => serving.getHttpServer().closeAllConnections(), leftMs * CONNECTIONS_SHARE).unref();
  await serving.close();
}
