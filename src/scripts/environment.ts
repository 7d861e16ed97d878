import { existsSync } from 'node:fs';
import { type Environment, readEnvironment } from '../platform/config/environment.js';
import { messageOf } from '../platform/errors/message-of.js';
import { redact } from '../platform/observability/redact.js';

/** The environment, with what `.env` adds to it. Ends the process with a plain message when it is not valid. */
export function environmentOrExit(): Environment {
  if (existsSync('.env')) process.loadEnvFile('.env');
  try {
    return readEnvironment(process.env);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}

/** Does the work of a script. Ends the process with 1 and a plain message when it fails: Node would print the rows of errors, too. */
export async function orExit(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(redact(messageOf(error)));
    process.exit(1);
  }
}

/** For scripts that work on a given database only. */
export function databaseEnvironmentOrExit(): Environment & { DATABASE_URL: string } {
  const { DATABASE_URL, ...environment } = environmentOrExit();
  if (DATABASE_URL) return { ...environment, DATABASE_URL };
  console.error('Set DATABASE_URL to the database that is meant; without it `npm start` looks after its own.');
  process.exit(1);
}
