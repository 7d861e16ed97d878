import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Author, AuthorOf } from '../audit/author.js';
import { ApiCreated, ApiProblems } from '../http/openapi.js';
import { PageQueryDto, type Page } from '../http/pagination.js';
import { ApiPathId, PathId } from '../http/path-id.js';
import type { Answer } from '../idempotency/answer.js';
import type { IdempotentRequest } from '../idempotency/idempotency-key.js';
import { Idempotent, IdempotencyOf } from '../idempotency/idempotent.decorator.js';
import { RequireScope } from './access.decorators.js';
import { ApiKeyDto, ApiKeyPageDto, CreateApiKeyDto, CreatedApiKeyDto } from './api-keys.dto.js';
import { ApiKeysService } from './api-keys.service.js';
import { API_KEY_NOT_FOUND } from './auth.errors.js';

const ApiKeyId = () => ApiPathId('apiKeyId', 'The API key.');

@ApiTags('API keys')
@Controller({ path: 'api-keys', version: '1' })
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @Post()
  @RequireScope('admin')
  @Idempotent({ required: false, location: (body) => `/v1/api-keys/${body.id}` })
  @ApiOperation({
    operationId: 'createApiKey',
    summary: 'Create an API key',
    description: 'For a server or a member of staff. The key itself is in this answer only: nobody can read it again.',
  })
  @ApiCreated(CreatedApiKeyDto, 'The new key.')
  create(
    @Body() dto: CreateApiKeyDto,
    @AuthorOf() author: Author,
    @IdempotencyOf() idempotent: IdempotentRequest | null,
  ): Promise<Answer<CreatedApiKeyDto>> {
    return this.apiKeys.create(dto, author, idempotent);
  }

  @Get()
  @RequireScope('admin')
  @ApiOperation({ operationId: 'listApiKeys', summary: 'List API keys', description: 'Newest first, revoked ones too.' })
  @ApiResponse({ status: 200, type: ApiKeyPageDto, description: 'One page of keys, without their secrets.' })
  list(@Query() query: PageQueryDto): Promise<Page<ApiKeyDto>> {
    return this.apiKeys.list(query);
  }

  @Get(':apiKeyId')
  @RequireScope('admin')
  @ApiKeyId()
  @ApiOperation({ operationId: 'getApiKey', summary: 'Read an API key', description: 'All but its secret.' })
  @ApiResponse({ status: 200, type: ApiKeyDto, description: 'The key, without its secret.' })
  @ApiProblems(API_KEY_NOT_FOUND)
  get(@PathId('apiKeyId') id: string): Promise<ApiKeyDto> {
    return this.apiKeys.get(id);
  }

  @Delete(':apiKeyId')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiKeyId()
  @ApiOperation({
    operationId: 'revokeApiKey',
    summary: 'Revoke an API key',
    description: 'It stops working at once, on every instance, and for good. Again: the same answer.',
  })
  @ApiResponse({ status: 204, description: 'It is revoked.' })
  @ApiProblems(API_KEY_NOT_FOUND)
  revoke(@PathId('apiKeyId') id: string, @AuthorOf() author: Author): Promise<void> {
    return this.apiKeys.revoke(id, author);
  }
}
