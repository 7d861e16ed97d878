import { fileURLToPath } from 'node:url';
import { environmentReference } from '../../src/platform/config/environment.js';
import { AppProcess } from '../support/process.js';
import { LIMITS_THAT_NOBODY_REACHES } from './limits.js';
import { TYPESCRIPT } from './run-load.js';

const TRIVIAL = fileURLToPath(new URL('trivial-server.ts', import.meta.url));
/** Given by the benchmark, so not to be taken from the environment. */
const OWN = new Set(['DATABASE_URL', 'DATA_DIR', 'HOST', 'PORT', 'MIGRATE_ON_START', 'LOG_LEVEL']);

/** Settings of Holdfast that are set in the environment, so that they can be measured: `LANE_BATCH_MAX=64 npm run bench`. */
export function settingsUnderTest(): Record<string, string> {
  const names = environmentReference.map(({ name }) => name).filter((name) => !OWN.has(name));
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** The built app on this database. */
export function startApp(databaseUrl: string): Promise<AppProcess> {
  return AppProcess.start({
    ...LIMITS_THAT_NOBODY_REACHES,
    ...settingsUnderTest(),
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
  });
}

export function startTrivialServer(): Promise<AppProcess> {
  return AppProcess.start({ NODE_ENV: 'production' }, [...TYPESCRIPT, TRIVIAL]);
}

/** What every request to the app must carry. */
export function authorizationFor(app: AppProcess): Record<string, string> {
  return app.api.authorization;
}
