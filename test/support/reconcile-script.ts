import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestDatabase } from './database.js';

const SCRIPT = fileURLToPath(new URL('../../dist/src/scripts/reconcile.js', import.meta.url));

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Runs `npm run -s reconcile`, as it was built last. */
export function runReconcile(
  database: Pick<TestDatabase, 'url'>,
  args: string[] = [],
  variables: Record<string, string> = {},
): Promise<Ran> {
  const env = { PATH: process.env['PATH'], DATABASE_URL: database.url, ...variables };
  return new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT, ...args], { env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}
