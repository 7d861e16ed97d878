import { globSync } from 'node:fs';
import type { ApiClient } from './client.js';
import type { TestDatabase } from './database.js';

/** What the tests of the whole contract (access, bounds, the OpenAPI document) need to know of a module on top. */
export interface ModuleContract {
  /** By operation: a body with which it succeeds. */
  bodies: Record<string, object>;
  /** Makes a row of each kind on the event; again and again, on the same one too. @returns their ids by path parameter */
  rows(api: ApiClient, eventId: string, database: TestDatabase): Promise<Record<string, string>>;
  /** Has each answer given that is documented, but for those that every route can give. */
  provoke(api: ApiClient, database: TestDatabase): Promise<void>;
}

const files = globSync('modules/*.ts', { cwd: import.meta.dirname });

/** Those of all files in `modules`. */
export const moduleContracts: ModuleContract[] = await Promise.all(
  files.toSorted().map(async (file) => ((await import(`./${file}`)) as { contract: ModuleContract }).contract),
);

export const moduleBodies: Record<string, object> = Object.assign({}, ...moduleContracts.map(({ bodies }) => bodies));

export async function moduleRows(api: ApiClient, eventId: string, database: TestDatabase): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  for (const contract of moduleContracts) Object.assign(ids, await contract.rows(api, eventId, database));
  return ids;
}
