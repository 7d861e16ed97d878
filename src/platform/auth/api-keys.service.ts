import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AuditLog, type AuditedChange } from '../audit/audit-log.js';
import type { Author } from '../audit/author.js';
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
}

/** Writes a new key, in the transaction of `em`. @returns its row, and the key itself, which is nowhere else */
export async function addApiKey(
  em: EntityManager,
  details: NewApiKey,
  author: Author,
  now: Date,
): Promise<{ row: ApiKey; key: string }> {
  const { prefix, secretHash, key } = newApiKey();
  const row = Object.assign(new ApiKey(), {
    id: uuidv7(),
    prefix,
    secretHash,
    name: details.name,
    scopes: [...new Set(details.scopes)],
    createdBy: author.actor,
    createdAt: now,
    expiresAt: details.expiresAt,
    revokedAt: null,
    lastUsedAt: null,
  });
  em.persist(row);
  await AuditLog.record(em, keyChange(author, 'created', null, row));
  return { row, key };
}

/** In the transaction of `em`. Again on a revoked key: no change. @throws DomainError `api-key-not-found` */
export async function revokeApiKey(em: EntityManager, id: string, author: Author): Promise<ApiKey> {
  const row = await em.findOne(ApiKey, id);
  if (!row) throw apiKeyNotFound(id);
  if (row.revokedAt) return row;
  const before = toApiKeyDto(row);
  row.revokedAt = await databaseNow(em);
  await AuditLog.record(em, keyChange(author, 'revoked', before, row));
  return row;
}

@Injectable()
export class ApiKeysService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
  ) {}

  create(dto: CreateApiKeyDto, author: Author, request: IdempotentRequest | null): Promise<Answer<CreatedApiKeyDto>> {
    const expiresAt = dto.expiresAt ? new Date(dto.expiresAt) : null;
    const answer = { status: 201, withoutSecret: (body: CreatedApiKeyDto) => Object.assign({}, body, { key: null }) };
    const work = () =>
      this.em.fork().transactional((em) =>
        this.idempotency.once(em, request, answer, async () => {
          const now = await databaseNow(em);
          if (expiresAt && expiresAt <= now) {
            throw validationFailed([{ pointer: '/expiresAt', detail: 'expiresAt must be in the future' }]);
          }
          const { row, key } = await addApiKey(em, { name: dto.name, scopes: dto.scopes, expiresAt }, author, now);
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
  async revoke(id: string, author: Author): Promise<void> {
    const work = () => this.em.fork().transactional((em) => revokeApiKey(em, id, author));
    await this.retry.run(work, { recognisesItsOwnCommit: true });
  }
}

/** What it can do and how it begins; nothing that could be used as a key. */
function keyChange(
  { actor, requestId }: Author,
  verb: 'created' | 'revoked',
  before: ApiKeyDto | null,
  row: ApiKey,
): AuditedChange {
  const target = { targetType: 'api-key', targetId: row.id };
  return { actor, requestId, action: `api-key.${verb}`, ...target, before, after: toApiKeyDto(row) };
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
