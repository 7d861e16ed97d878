import { timingSafeEqual } from 'node:crypto';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { sql } from 'kysely';
import { BatchedReads } from '../database/batched-reads.js';
import { STATEMENT_TIME } from '../database/clock.js';
import { TransactionRetry } from '../database/transaction-retry.js';
import { parseApiKey } from './api-key-token.js';
import { tokenInvalid } from './auth.errors.js';
import { apiKeyPrincipal, type Principal } from './principal.js';
import type { Scope } from './scopes.js';

interface KeyRow {
  id: string;
  prefix: string;
  secret_hash: string;
  scopes: Scope[];
  is_usable: boolean;
  used_lately: boolean;
}

/** What an unknown key is compared with, so that it takes as long as a known one. */
const NO_HASH = '0'.repeat(64);

/**
 * Recognises API keys. Each request is judged by a read of the database that began after it came, so a key that is revoked
 * stops working at once, on every instance.
 */
@Injectable()
export class ApiKeyAuthenticator implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ApiKeyAuthenticator.name);
  private readonly keys: BatchedReads<string, KeyRow>;
  private readonly noting = new Map<string, Promise<void>>();

  constructor(
    private readonly em: EntityManager,
    retry: TransactionRetry,
  ) {
    this.keys = new BatchedReads((prefixes) => retry.read(() => readKeys(em.fork(), prefixes)));
  }

  /** @throws DomainError `unauthenticated` for every key that is not good, without telling why */
  async authenticate(token: string): Promise<Principal> {
    const parsed = parseApiKey(token);
    if (!parsed) throw tokenInvalid();
    const key = await this.keys.get(parsed.prefix);
    const isRight = timingSafeEqual(Buffer.from(parsed.secretHash), Buffer.from(key?.secret_hash ?? NO_HASH));
    if (!key || !isRight || !key.is_usable) throw tokenInvalid();
    if (!key.used_lately && !this.noting.has(key.id)) this.noting.set(key.id, this.noteUse(key.id));
    return apiKeyPrincipal(key.id, key.scopes);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.noting.values());
  }

  /** Nobody waits for it: when it fails, the next request tries again. */
  private async noteUse(id: string): Promise<void> {
    try {
      await sql`
        update api_keys set last_used_at = ${sql.raw(STATEMENT_TIME)}
         where id = ${id} and (last_used_at is null or last_used_at < statement_timestamp() - interval '1 minute')
      `.execute(this.em.fork().getKysely());
    } catch (error) {
      this.logger.warn(`The use of API key ${id} was not noted: ${(error as Error).message}`);
    } finally {
      this.noting.delete(id);
    }
  }
}

async function readKeys(em: EntityManager, prefixes: readonly string[]): Promise<Map<string, KeyRow>> {
  const { rows } = await sql<KeyRow>`/* find-api-keys */
    select id, prefix, secret_hash, to_json(scopes) as scopes,
           revoked_at is null and (expires_at is null or expires_at > statement_timestamp()) as is_usable,
           last_used_at is not null and last_used_at >= statement_timestamp() - interval '1 minute' as used_lately
      from api_keys where prefix = any(${prefixes}::text[])
  `.execute(em.getKysely());
  return new Map(rows.map((row) => [row.prefix, row]));
}
