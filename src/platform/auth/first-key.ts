import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SYSTEM } from '../audit/author.js';
import { databaseNow } from '../database/clock.js';
import { parseApiKey } from './api-key-token.js';
import { ApiKey } from './api-key.entity.js';
import { addApiKey } from './api-keys.service.js';

/**
 * The admin key of a database that nobody has a key of yet: the one in `file`, if the database knows it; else a new one, which
 * is kept there for later starts, readable by its owner only.
 */
export async function firstAdminKey(em: EntityManager, file: string): Promise<string> {
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (await isUsable(em, kept)) return kept;
  return em.fork().transactional(async (tx) => {
    const details = { name: 'Made by the first start', scopes: ['admin'] as const, expiresAt: null };
    const { key } = await addApiKey(tx, details, SYSTEM, await databaseNow(tx));
    // Before the commit: a key in the file that does not exist is replaced, one that exists and is nowhere would stay for ever.
    // The mode is set only on a file that is made.
    rmSync(file, { force: true });
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    return key;
  });
}

async function isUsable(em: EntityManager, key: string): Promise<boolean> {
  const parsed = parseApiKey(key);
  if (!parsed) return false;
  const usable = { prefix: parsed.prefix, secretHash: parsed.secretHash, revokedAt: null, scopes: { $contains: ['admin'] } };
  return (await em.fork().count(ApiKey, usable)) > 0;
}
