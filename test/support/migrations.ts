import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Options } from '@mikro-orm/postgresql';
import { ormConfig } from '../../mikro-orm.config.js';
import { readEnvironment } from '../../src/platform/config/environment.js';

const FOLDER = fileURLToPath(new URL('../../migrations/', import.meta.url));

/** Of all migrations, the oldest first. */
export const MIGRATIONS: readonly string[] = globSync('Migration*.ts', { cwd: FOLDER })
  .map((file) => basename(file, '.ts'))
  .toSorted();

/**
 * Those that were made before the rules of docs/migrations.md, when no database was in use that could not stand still: the
 * rules are not asked of them. Nothing is added here once Holdfast is in use.
 */
export const BEFORE_THE_RULES: ReadonlySet<string> = new Set([
  'Migration20261124060000_create_events_and_orders',
  'Migration20261124080000_add_holds',
  'Migration20261124100000_tune_hot_tables',
  'Migration20261124110000_add_access',
  'Migration20261124120000_add_rate_limits',
  'Migration20261124130000_add_domain_events',
]);

export function quietOrm(url: string, variables: Record<string, string> = {}): Options {
  return { ...ormConfig({ ...readEnvironment(variables), DATABASE_URL: url }), logger: () => {} };
}
