import { parseArgs } from 'node:util';
import { MikroORM } from '@mikro-orm/postgresql';
import type { INestApplicationContext } from '@nestjs/common';
import { createApp } from '../app.js';
import { describeDrift, ReconciliationService } from '../modules/reconciliation/index.js';
import { assertMigrated } from '../platform/database/migrations.js';
import { messageOf, rootMessageOf } from '../platform/errors/message-of.js';
import { databaseEnvironmentOrExit } from './environment.js';

const USAGE = `Usage: npm run -s reconcile -- [--repair]

Recomputes the counts of all events from their orders. Ends with 0 when all are right (or, with --repair, are now),
with 1 when some are not, and with 2 when not everything could be checked.`;

const environment = databaseEnvironmentOrExit();
let app: INestApplicationContext | undefined;
try {
  const { values } = parseArgs({ options: { repair: { type: 'boolean', default: false } } });
  // For the modules, whose counts are reconciled too. It is not initialised, so that none of its jobs runs.
  app = await createApp(environment, { logger: ['fatal', 'error', 'warn'], abortOnError: false });
  await assertMigrated(app.get(MikroORM), environment);
  process.exitCode = await reconcile(app.get(ReconciliationService), values.repair);
} catch (error) {
  const isUsage = String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
  console.error(messageOf(error) + (isUsage ? `\n\n${USAGE}` : ''));
  process.exitCode = 2;
} finally {
  await app?.get(MikroORM).close(true);
}

/** @returns the exit code */
async function reconcile(reconciliation: ReconciliationService, repair: boolean): Promise<number> {
  let isAll = true;
  const result = await reconciliation.run({
    repair,
    onDrift: (drift, repaired) => console.log(`${describeDrift(drift)}${repaired ? '; repaired' : ''}`),
    onMore: (eventId) => {
      isAll = false;
      console.log(`Event ${eventId}: there is more than that`);
    },
    onFailure: (eventId, error) => console.error(`Event ${eventId} could not be checked: ${rootMessageOf(error)}`),
  });
  if (!result) {
    console.error('Another reconciliation is under way.');
    return 2;
  }
  const { eventsChecked, eventsFailed, drifts, repaired } = result;
  console.log(`Events checked: ${eventsChecked}, not checked: ${eventsFailed}, drifts: ${drifts}, repaired: ${repaired}`);
  if (eventsFailed > 0) return 2;
  return drifts === repaired && isAll ? 0 : 1;
}
