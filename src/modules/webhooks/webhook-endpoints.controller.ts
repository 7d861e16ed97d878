import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  type Author,
  AuthorOf,
  type Answer,
  ApiIfMatch,
  ApiIfNoneMatch,
  ApiPathId,
  ApiProblems,
  ApiResource,
  defineTag,
  EVENT_NOT_FOUND,
  type ExpectedVersions,
  Idempotent,
  IdempotencyOf,
  type IdempotentRequest,
  OptionalIfMatch,
  type Page,
  PageQueryDto,
  PathId,
  RequiredIfMatch,
  RequireScope,
} from '../../extension.js';
import { WebhookEndpointsService } from './webhook-endpoints.service.js';
import {
  CreateWebhookEndpointDto,
  UpdateWebhookEndpointDto,
  WebhookEndpointDto,
  WebhookEndpointPageDto,
  WebhookEndpointWithSecretDto,
} from './webhooks.dto.js';
import { WEBHOOK_ENDPOINT_NOT_FOUND, WEBHOOKS_NOT_CONFIGURED } from './webhooks.errors.js';

export const WEBHOOKS_TAG = defineTag(
  'Webhooks',
  'Requests that tell your own systems of changes, signed as Standard Webhooks says.',
);

export const ApiWebhookEndpointId = () => ApiPathId('webhookEndpointId', 'The webhook endpoint.');

@ApiTags(WEBHOOKS_TAG)
@Controller({ path: 'webhook-endpoints', version: '1' })
export class WebhookEndpointsController {
  constructor(private readonly endpoints: WebhookEndpointsService) {}

  @Post()
  @RequireScope('admin')
  @Idempotent({ required: false, location: (body) => `/v1/webhook-endpoints/${body.id}` })
  @ApiOperation({
    operationId: 'createWebhookEndpoint',
    summary: 'Create a webhook endpoint',
    description:
      'From now on each change that it wants is sent there by POST, signed as Standard Webhooks says, with the body `{ type, timestamp, data }`. `webhook-id` is the id of the change. The secret is in this answer only.',
  })
  @ApiResource(201, WebhookEndpointWithSecretDto, 'The new endpoint, with its secret.')
  @ApiProblems(EVENT_NOT_FOUND, WEBHOOKS_NOT_CONFIGURED)
  create(
    @Body() dto: CreateWebhookEndpointDto,
    @IdempotencyOf() request: IdempotentRequest | null,
    @AuthorOf() author: Author,
  ): Promise<Answer<WebhookEndpointWithSecretDto>> {
    return this.endpoints.create(dto, request, author);
  }

  @Get()
  @RequireScope('admin')
  @ApiOperation({ operationId: 'listWebhookEndpoints', summary: 'List webhook endpoints', description: 'Newest first.' })
  @ApiResponse({ status: 200, type: WebhookEndpointPageDto, description: 'One page of endpoints, without their secrets.' })
  list(@Query() query: PageQueryDto): Promise<Page<WebhookEndpointDto>> {
    return this.endpoints.list(query);
  }

  @Get(':webhookEndpointId')
  @RequireScope('admin')
  @ApiWebhookEndpointId()
  @ApiIfNoneMatch()
  @ApiOperation({ operationId: 'getWebhookEndpoint', summary: 'Read a webhook endpoint', description: 'All but its secret.' })
  @ApiResource(200, WebhookEndpointDto, 'The endpoint.')
  @ApiProblems(WEBHOOK_ENDPOINT_NOT_FOUND)
  get(@PathId('webhookEndpointId') id: string): Promise<WebhookEndpointDto> {
    return this.endpoints.get(id);
  }

  @Patch(':webhookEndpointId')
  @RequireScope('admin')
  @ApiWebhookEndpointId()
  @ApiIfMatch(true)
  @ApiOperation({
    operationId: 'updateWebhookEndpoint',
    summary: 'Change a webhook endpoint',
    description:
      'Members that are left out stay as they are; null clears. What happens while it is disabled is not sent later: read it from `GET /v1/changes`.',
  })
  @ApiResource(200, WebhookEndpointDto, 'The changed endpoint.', { version: 2 })
  @ApiProblems(WEBHOOK_ENDPOINT_NOT_FOUND, EVENT_NOT_FOUND)
  update(
    @PathId('webhookEndpointId') id: string,
    @Body() dto: UpdateWebhookEndpointDto,
    @RequiredIfMatch() expected: ExpectedVersions,
    @AuthorOf() author: Author,
  ): Promise<WebhookEndpointDto> {
    return this.endpoints.update(id, dto, expected, author);
  }

  @Delete(':webhookEndpointId')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiWebhookEndpointId()
  @ApiIfMatch(false)
  @ApiOperation({
    operationId: 'deleteWebhookEndpoint',
    summary: 'Delete a webhook endpoint',
    description: 'With its deliveries, also those that wait.',
  })
  @ApiResponse({ status: 204, description: 'It is gone.' })
  @ApiProblems(WEBHOOK_ENDPOINT_NOT_FOUND)
  delete(
    @PathId('webhookEndpointId') id: string,
    @OptionalIfMatch() expected: ExpectedVersions,
    @AuthorOf() author: Author,
  ): Promise<void> {
    return this.endpoints.delete(id, expected, author);
  }

  @Post(':webhookEndpointId/rotate-secret')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiWebhookEndpointId()
  @Idempotent({ required: false })
  @ApiOperation({
    operationId: 'rotateWebhookSecret',
    summary: 'Give a webhook endpoint a new secret',
    description:
      'For 24 hours requests are signed with the former secret as well: each has two signatures. The new one is in this answer only.',
  })
  @ApiResource(200, WebhookEndpointWithSecretDto, 'The endpoint, with its new secret.', {
    version: 2,
    previousSecretEndsAt: '2026-11-25T09:00:00.000Z',
  })
  @ApiProblems(WEBHOOK_ENDPOINT_NOT_FOUND, WEBHOOKS_NOT_CONFIGURED)
  rotateSecret(
    @PathId('webhookEndpointId') id: string,
    @IdempotencyOf() request: IdempotentRequest | null,
    @AuthorOf() author: Author,
  ): Promise<Answer<WebhookEndpointWithSecretDto>> {
    return this.endpoints.rotateSecret(id, request, author);
  }
}
