import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { databaseNow } from '../database/clock.js';
import { TransactionRetry } from '../database/transaction-retry.js';
import { validationFailed } from '../errors/platform.errors.js';
import { afterCursor, toPage, type Page, type PageQueryDto } from '../http/pagination.js';
import { formatTime } from '../http/times.js';
import type { Answer } from '../idempotency/answer.js';
import type { IdempotentRequest } from '../idempotency/idempotency-key.js';
import { IdempotencyStore } from '../idempotency/idempotency.store.js';
import { API_KEY_START, newApiKey } from './api-key-token.js';
import { ApiKey } from './api-key.entity.js';
import type { ApiKeyDto, CreateApiKeyDto, CreatedApiKeyDto } from './api-keys.dto.js';
import { apiKeyNotFound } from './auth.errors.js';
import type { Scope } from './scopes.js';

export interface NewApiKey {
  name: string;
  scopes: readonly Scope[];
  expiresAt: Date | null;
  /** Who makes it. */
  createdBy: string;
}

/** Writes a new key. @returns its row, and the key itself, which is nowhere else */
export function addApiKey(em: EntityManager, details: NewApiKey, now: Date): { row: ApiKey; key: string } {
  const { prefix, secretHash, key } = newApiKey();
  const row = Object.assign(new ApiKey(), {
    id: uuidv7(),
    prefix,
    secretHash,
    name: details.name,
    scopes: [...new Set(details.scopes)],
    createdBy: details.createdBy,
    createdAt: now,
    expiresAt: details.expiresAt,
    revokedAt: null,
    lastUsedAt: null,
  });
  em.persist(row);
  return { row, key };
}

/** Again on a revoked key: no change. @throws DomainError `api-key-not-found` */
export async function revokeApiKey(em: EntityManager, id: string): Promise<ApiKey> {
  const row = await em.findOne(ApiKey, id);
  if (!row) throw apiKeyNotFound(id);
  row.revokedAt ??= await databaseNow(em);
  return row;
}

@Injectable()
export class ApiKeysService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
  ) {}

  create(dto: CreateApiKeyDto, createdBy: string, request: IdempotentRequest | null): Promise<Answer<CreatedApiKeyDto>> {
    const expiresAt = dto.expiresAt ? new Date(dto.expiresAt) : null;
    const answer = { status: 201, withoutSecret: (body: CreatedApiKeyDto) => Object.assign({}, body, { key: null }) };
    const work = () =>
      this.em.fork().transactional((em) =>
        this.idempotency.once(em, request, answer, async () => {
          const now = await databaseNow(em);
          if (expiresAt && expiresAt <= now) {
            throw validationFailed([{ pointer: '/expiresAt', detail: 'expiresAt must be in the future' }]);
          }
          const { row, key } = addApiKey(em, { name: dto.name, scopes: dto.scopes, expiresAt, createdBy }, now);
          return Object.assign(toApiKeyDto(row), { key });
        }),
      );
    return this.retry.run(work, { recognisesItsOwnCommit: false });
  }

  async list(query: PageQueryDto): Promise<Page<ApiKeyDto>> {
    const rows = await this.em.fork().find(ApiKey, afterCursor<ApiKey>(query, 'createdAt', 'desc'), {
      orderBy: { createdAt: 'desc', id: 'desc' },
      limit: query.limit + 1,
    });
    return toPage(rows, query, ({ createdAt, id }) => [formatTime(createdAt), id], toApiKeyDto);
  }

  async get(id: string): Promise<ApiKeyDto> {
    const row = await this.em.fork().findOne(ApiKey, id);
    if (!row) throw apiKeyNotFound(id);
    return toApiKeyDto(row);
  }

  /** @throws like {@link revokeApiKey} */
  async revoke(id: string): Promise<void> {
    const work = () => this.em.fork().transactional((em) => revokeApiKey(em, id));
    await this.retry.run(work, { recognisesItsOwnCommit: true });
  }
}

function toApiKeyDto(row: ApiKey): ApiKeyDto {
  return {
    id: row.id,
    name: row.name,
    prefix: API_KEY_START + row.prefix,
    scopes: row.scopes,
    expiresAt: formatTime(row.expiresAt),
    revokedAt: formatTime(row.revokedAt),
    lastUsedAt: formatTime(row.lastUsedAt),
    createdAt: formatTime(row.createdAt),
  };
}
