import { LockMode } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import {
  afterCursor,
  type Answer,
  assertVersion,
  type AuditedChange,
  AuditLog,
  type Author,
  databaseNow,
  ENVIRONMENT,
  type Environment,
  Event,
  eventNotFound,
  type ExpectedVersions,
  formatTime,
  type IdempotentRequest,
  IdempotencyStore,
  type Page,
  type PageQueryDto,
  toPage,
  TransactionRetry,
  validationFailed,
} from '../../extension.js';
import { urlFault } from './address-rules.js';
import { endpointOf } from './endpoint-of.js';
import { newSecret, SecretBox } from './secret-box.js';
import { WebhookEndpoint } from './webhook-endpoint.entity.js';
import { toWebhookEndpointDto } from './webhook.mapper.js';
import type {
  CreateWebhookEndpointDto,
  UpdateWebhookEndpointDto,
  WebhookEndpointDto,
  WebhookEndpointWithSecretDto,
} from './webhooks.dto.js';

/** How long a former secret signs beside the new one. */
const OVERLAP_MS = 24 * 3_600_000;

const withoutSecret = (body: WebhookEndpointWithSecretDto): WebhookEndpointWithSecretDto =>
  Object.assign({}, body, { secret: null });

@Injectable()
export class WebhookEndpointsService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
    private readonly secrets: SecretBox,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'WEBHOOK_ALLOW_PRIVATE_NETWORKS'>,
  ) {}

  create(
    dto: CreateWebhookEndpointDto,
    request: IdempotentRequest | null,
    author: Author,
  ): Promise<Answer<WebhookEndpointWithSecretDto>> {
    const work = () =>
      this.em.fork().transactional((em) =>
        this.idempotency.once(em, request, { status: 201, withoutSecret }, async () => {
          this.assertUrl(dto.url);
          await assertEvent(em, dto.eventId);
          const now = await databaseNow(em);
          const secret = newSecret();
          const id = uuidv7();
          const row = em.create(WebhookEndpoint, {
            id,
            url: dto.url,
            types: typesOf(dto.types),
            eventId: dto.eventId?.toLowerCase() ?? null,
            description: dto.description ?? null,
            enabled: dto.enabled,
            enabledAt: now,
            disabledReason: null,
            secret: this.secrets.seal(secret, id),
            previousSecret: null,
            previousSecretEndsAt: null,
            failingSince: null,
            version: 1,
            createdAt: now,
            updatedAt: now,
          });
          await AuditLog.record(em, endpointChange(author, 'created', id, null, toWebhookEndpointDto(row)));
          return Object.assign(toWebhookEndpointDto(row), { secret });
        }),
      );
    return this.retry.run(work, { recognisesItsOwnCommit: false });
  }

  async list(query: PageQueryDto): Promise<Page<WebhookEndpointDto>> {
    const rows = await this.retry.read(() =>
      this.em.fork().find(WebhookEndpoint, afterCursor<WebhookEndpoint>(query, 'createdAt', 'desc'), {
        orderBy: { createdAt: 'desc', id: 'desc' },
        limit: query.limit + 1,
      }),
    );
    return toPage(rows, query, ({ createdAt, id }) => [formatTime(createdAt), id], toWebhookEndpointDto);
  }

  async get(id: string): Promise<WebhookEndpointDto> {
    return toWebhookEndpointDto(await endpointOf(this.em.fork(), id));
  }

  update(id: string, dto: UpdateWebhookEndpointDto, expected: ExpectedVersions, author: Author): Promise<WebhookEndpointDto> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const row = await locked(em, id);
        assertVersion(expected, row.version);
        const before = toWebhookEndpointDto(row);
        if (dto.url !== undefined) this.assertUrl(dto.url);
        await assertEvent(em, dto.eventId);
        row.url = dto.url ?? row.url;
        if (dto.types !== undefined) row.types = typesOf(dto.types);
        if (dto.eventId !== undefined) row.eventId = dto.eventId?.toLowerCase() ?? null;
        if (dto.description !== undefined) row.description = dto.description;
        const now = await databaseNow(em);
        if (dto.enabled === true) row.enable(now);
        if (dto.enabled === false) row.disable();
        row.touch(now);
        const after = toWebhookEndpointDto(row);
        await AuditLog.record(em, endpointChange(author, 'updated', id, before, after));
        return after;
      });
    return this.retry.run(work, { recognisesItsOwnCommit: false });
  }

  /** Its deliveries are purged by their age. */
  async delete(id: string, expected: ExpectedVersions, author: Author): Promise<void> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const row = await locked(em, id);
        assertVersion(expected, row.version);
        await AuditLog.record(em, endpointChange(author, 'deleted', id, toWebhookEndpointDto(row), null));
        em.remove(row);
      });
    await this.retry.run(work, { recognisesItsOwnCommit: false });
  }

  rotateSecret(id: string, request: IdempotentRequest | null, author: Author): Promise<Answer<WebhookEndpointWithSecretDto>> {
    const work = () =>
      this.em.fork().transactional((em) =>
        this.idempotency.once(em, request, { status: 200, withoutSecret }, async () => {
          const row = await locked(em, id);
          const before = toWebhookEndpointDto(row);
          const now = await databaseNow(em);
          const secret = newSecret();
          row.rotateSecret(this.secrets.seal(secret, id), new Date(now.getTime() + OVERLAP_MS));
          row.touch(now);
          const after = toWebhookEndpointDto(row);
          await AuditLog.record(em, endpointChange(author, 'secret-rotated', id, before, after));
          return Object.assign(after, { secret });
        }),
      );
    return this.retry.run(work, { recognisesItsOwnCommit: false });
  }

  private assertUrl(url: string): void {
    const fault = urlFault(url, this.environment.WEBHOOK_ALLOW_PRIVATE_NETWORKS);
    if (fault !== null) throw validationFailed([{ pointer: '/url', detail: fault }]);
  }
}

/** @throws DomainError `webhook-endpoint-not-found` */
const locked = (em: EntityManager, id: string) => endpointOf(em, id, { lockMode: LockMode.PESSIMISTIC_WRITE });

async function assertEvent(em: EntityManager, eventId: string | null | undefined): Promise<void> {
  if (eventId && (await em.count(Event, { id: eventId })) === 0) throw eventNotFound(eventId);
}

function typesOf(types: string[] | null | undefined): string[] | null {
  return types ? [...new Set(types)] : null;
}

function endpointChange(
  { actor, requestId }: Author,
  verb: 'created' | 'updated' | 'deleted' | 'secret-rotated',
  targetId: string,
  before: WebhookEndpointDto | null,
  after: WebhookEndpointDto | null,
): AuditedChange {
  const eventId = after?.eventId ?? before?.eventId ?? null;
  return {
    actor,
    requestId,
    action: `webhook-endpoint.${verb}`,
    targetType: 'webhook-endpoint',
    targetId,
    eventId,
    before,
    after,
  };
}
