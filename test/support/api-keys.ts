import { createHash, randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

interface Sql {
  sql(text: string, values?: unknown[]): Promise<unknown>;
}

export interface TestKey {
  id: string;
  key: string;
  /** The caller and actor of its requests. */
  caller: string;
}

/** The key that tests send unless they say otherwise: the same in every database. */
export const ADMIN: TestKey = keyOf('019a0000-0000-7000-8000-00000000ad01', 'ad'.repeat(8), 'ad'.repeat(32));

function keyOf(id: string, prefix: string, secret: string): TestKey {
  return { id, key: `hf_${prefix}_${secret}`, caller: `key:${id}` };
}

const INSERT = `insert into api_keys (id, prefix, secret_hash, name, scopes, created_by, created_at, expires_at, revoked_at)
                values ($1, $2, $3, 'Test', $4, 'test', now() - interval '1 hour', $5, $6) on conflict do nothing`;

function row({ id, key }: TestKey, scopes: readonly string[], expiresAt: Date | null, revokedAt: Date | null): unknown[] {
  const [, prefix, secret] = key.split('_');
  return [id, prefix, createHash('sha256').update(secret!).digest('hex'), scopes, expiresAt, revokedAt];
}

/** Writes a key straight into the database. */
export async function insertApiKey(
  database: Sql,
  scopes: readonly string[],
  { expiresAt = null, revokedAt = null }: { expiresAt?: Date | null; revokedAt?: Date | null } = {},
): Promise<TestKey> {
  const made = keyOf(uuidv7(), randomBytes(8).toString('hex'), randomBytes(32).toString('hex'));
  await database.sql(INSERT, row(made, scopes, expiresAt, revokedAt));
  return made;
}

/** Sees to it that the database has the {@link ADMIN} key. */
export async function insertAdminKey(database: Sql): Promise<void> {
  await database.sql(INSERT, row(ADMIN, ['admin'], null, null));
}
