import { fileURLToPath } from 'node:url';
import { AppProcess } from '../support/process.js';
import { LIMITS_THAT_NOBODY_REACHES } from './limits.js';
import { settingsUnderTest } from './processes.js';
import { TYPESCRIPT } from './run-load.js';

const SERVER = fileURLToPath(new URL('extended-server.ts', import.meta.url));

/** The core alone; with the modules on top, which nobody uses; and with a subscriber that every order has. */
export const EXTENTS = ['core', 'modules', 'subscriber'] as const;
export type Extent = (typeof EXTENTS)[number];

export function startExtendedApp(databaseUrl: string, extent: Extent): Promise<AppProcess> {
  const variables = { ...LIMITS_THAT_NOBODY_REACHES, ...settingsUnderTest(), NODE_ENV: 'production' };
  return AppProcess.start({ ...variables, DATABASE_URL: databaseUrl, EXTENT: extent }, [...TYPESCRIPT, SERVER]);
}
