import { applyDecorators, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  type Answer,
  ApiPathId,
  ApiProblems,
  Idempotent,
  IdempotencyOf,
  type IdempotentRequest,
  type Page,
  PageQueryDto,
  PathId,
  RequireScope,
} from '../../extension.js';
import { WebhookDeliveriesService } from './webhook-deliveries.service.js';
import { ApiWebhookEndpointId, WEBHOOKS_TAG } from './webhook-endpoints.controller.js';
import { WebhookDeliveryDto, WebhookDeliveryPageDto } from './webhooks.dto.js';
import { WEBHOOK_DELIVERY_NOT_FOUND, WEBHOOK_ENDPOINT_NOT_FOUND } from './webhooks.errors.js';

const ApiDeliveryId = () => applyDecorators(ApiWebhookEndpointId(), ApiPathId('deliveryId', 'The delivery.'));

@ApiTags(WEBHOOKS_TAG)
@Controller({ path: 'webhook-endpoints/:webhookEndpointId', version: '1' })
export class WebhookDeliveriesController {
  constructor(private readonly deliveries: WebhookDeliveriesService) {}

  @Post('test')
  @HttpCode(202)
  @RequireScope('admin')
  @ApiWebhookEndpointId()
  @Idempotent({ required: false })
  @ApiOperation({
    operationId: 'testWebhookEndpoint',
    summary: 'Try a webhook endpoint out',
    description:
      'Sends it `webhook-endpoint.test`, once, also while it is disabled. The list of deliveries tells what came of it.',
  })
  @ApiResponse({ status: 202, type: WebhookDeliveryDto, description: 'The delivery, which is not made yet.' })
  @ApiProblems(WEBHOOK_ENDPOINT_NOT_FOUND)
  test(
    @PathId('webhookEndpointId') id: string,
    @IdempotencyOf() request: IdempotentRequest | null,
  ): Promise<Answer<WebhookDeliveryDto>> {
    return this.deliveries.test(id, request);
  }

  @Get('deliveries')
  @RequireScope('admin')
  @ApiWebhookEndpointId()
  @ApiOperation({
    operationId: 'listWebhookDeliveries',
    summary: 'List what was sent to a webhook endpoint',
    description: 'Newest first, for seven days, with what the last attempt of each brought.',
  })
  @ApiResponse({ status: 200, type: WebhookDeliveryPageDto, description: 'One page of deliveries.' })
  @ApiProblems(WEBHOOK_ENDPOINT_NOT_FOUND)
  list(@PathId('webhookEndpointId') id: string, @Query() query: PageQueryDto): Promise<Page<WebhookDeliveryDto>> {
    return this.deliveries.list(id, query);
  }

  @Post('deliveries/:deliveryId/redeliver')
  @HttpCode(202)
  @RequireScope('admin')
  @ApiDeliveryId()
  @Idempotent({ required: false })
  @ApiOperation({
    operationId: 'redeliverWebhook',
    summary: 'Send something once more',
    description:
      'At once, with the same `webhook-id` and body, whatever came of it before, and also while the endpoint is disabled. A repeat with the same key has null in the place of what the last answer said.',
  })
  @ApiResponse({ status: 202, type: WebhookDeliveryDto, description: 'The delivery, which is not made yet.' })
  @ApiProblems(WEBHOOK_ENDPOINT_NOT_FOUND, WEBHOOK_DELIVERY_NOT_FOUND)
  redeliver(
    @PathId('webhookEndpointId') id: string,
    @PathId('deliveryId') deliveryId: string,
    @IdempotencyOf() request: IdempotentRequest | null,
  ): Promise<Answer<WebhookDeliveryDto>> {
    return this.deliveries.redeliver(id, deliveryId, request);
  }
}
