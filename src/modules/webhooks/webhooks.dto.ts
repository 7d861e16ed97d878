import { ApiSchema } from '@nestjs/swagger';
import {
  allDomainEventTypes,
  BooleanField,
  COUNTER_BOUNDS,
  EnumField,
  IntegerField,
  ListField,
  NextCursorField,
  PAGE_MAX_ITEMS,
  TextField,
  TextListField,
  TimestampField,
  UuidField,
} from '../../extension.js';
import { DELIVERY_STATUSES, type DeliveryStatus } from './webhook-delivery.entity.js';
import { DISABLED_REASONS, type DisabledReason } from './webhook-endpoint.entity.js';

/* Lengths are in characters; CHECK constraints repeat them. */
const TYPE_SHAPE = /^[a-z][a-z-]*\.[a-z][a-z-]*$/;
const TYPE_MAX = 60;
const url = { min: 9, max: 2_000, pattern: /^https?:\/\/[!-~]+$/, example: 'https://erp.example.com/webhooks/holdfast' };
const description = { min: 1, max: 500, nullable: true, description: 'What it is for.', example: 'ERP' };
const types = {
  values: () => allDomainEventTypes().map(({ type }) => type),
  of: { max: TYPE_MAX, shape: TYPE_SHAPE, example: 'order.confirmed' },
  min: 1,
  max: 50,
  nullable: true,
  description:
    'Only these kinds of changes, see `GET /v1/changes`; null: all but `webhook-endpoint.disabled`, which must be named.',
  example: ['order.confirmed', 'order.cancelled'],
};
const eventId = { nullable: true, description: 'Only what is about this event and its orders; null: about any.' };
const ID = '019a0000-0000-7000-8000-0000000000c1';
const TIME = '2026-11-24T09:00:00.000Z';

@ApiSchema({ name: 'NewWebhookEndpoint' })
export class CreateWebhookEndpointDto {
  @TextField({ ...url, description: 'Where requests are sent to: https, and a host on the public internet.' })
  url!: string;

  @TextListField({ ...types, optional: true })
  types?: string[] | null;

  @UuidField({ ...eventId, optional: true })
  eventId?: string | null;

  @TextField({ ...description, optional: true })
  description?: string | null;

  @BooleanField({ optional: true, description: 'Whether anything is sent.', default: true, example: true })
  enabled: boolean = true;
}

@ApiSchema({ name: 'WebhookEndpointChanges' })
export class UpdateWebhookEndpointDto {
  @TextField({ ...url, optional: true, description: 'Where requests are sent to.' })
  url?: string;

  @TextListField({ ...types, optional: true })
  types?: string[] | null;

  @UuidField({ ...eventId, optional: true })
  eventId?: string | null;

  @TextField({ ...description, optional: true })
  description?: string | null;

  @BooleanField({ optional: true, description: 'Whether anything is sent.', example: true })
  enabled?: boolean;
}

@ApiSchema({ name: 'WebhookEndpoint' })
export class WebhookEndpointDto {
  @UuidField({ description: 'Its id.', example: ID })
  id!: string;

  @TextField({ ...url, description: 'Where requests are sent to.' })
  url!: string;

  @TextListField(types)
  types!: string[] | null;

  @UuidField({ ...eventId, example: null })
  eventId!: string | null;

  @TextField(description)
  description!: string | null;

  @BooleanField({ description: 'Whether anything is sent.', example: true })
  enabled!: boolean;

  @EnumField({
    values: DISABLED_REASONS,
    name: 'WebhookDisabledReason',
    nullable: true,
    description: 'Why it was disabled by itself: it answered 410, or nothing but failures for days.',
    example: null,
  })
  disabledReason!: DisabledReason | null;

  @TimestampField({ nullable: true, description: 'Since when every attempt failed.', example: null })
  failingSince!: string | null;

  @TimestampField({ nullable: true, description: 'Until when the former secret signs too.', example: null })
  previousSecretEndsAt!: string | null;

  @IntegerField({ ...COUNTER_BOUNDS, description: 'Grows with each change.', example: 1 })
  version!: number;

  @TimestampField({ description: 'When it was made.', example: TIME })
  createdAt!: string;

  @TimestampField({ description: 'When it was changed last.', example: TIME })
  updatedAt!: string;
}

@ApiSchema({ name: 'WebhookEndpointWithSecret' })
export class WebhookEndpointWithSecretDto extends WebhookEndpointDto {
  @TextField({
    min: 7,
    max: 100,
    pattern: /^whsec_[A-Za-z0-9+/]+=*$/,
    nullable: true,
    description: 'What its requests are signed with. It is shown this one time; a repeat of the request has null here.',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=',
  })
  secret!: string | null;
}

@ApiSchema({ name: 'WebhookEndpointPage' })
export class WebhookEndpointPageDto {
  @ListField({ type: () => WebhookEndpointDto, max: PAGE_MAX_ITEMS, description: 'Newest first.' })
  items!: WebhookEndpointDto[];

  @NextCursorField()
  nextCursor!: string | null;
}

@ApiSchema({ name: 'WebhookDelivery' })
export class WebhookDeliveryDto {
  @UuidField({ description: 'Its id.', example: '019a0000-0000-7000-8000-0000000000d1' })
  id!: string;

  @UuidField({ description: 'The endpoint.', example: ID })
  webhookEndpointId!: string;

  @UuidField({ description: 'The id of the change, and the `webhook-id`.', example: '019a0000-0000-7000-8000-0000000000e1' })
  messageId!: string;

  @TextField({ min: 1, max: TYPE_MAX, shape: TYPE_SHAPE, description: 'What happened.', example: 'order.confirmed' })
  type!: string;

  @UuidField({ nullable: true, description: 'The event that it is about.', example: null })
  eventId!: string | null;

  @UuidField({ nullable: true, description: 'The order that it is about.', example: null })
  orderId!: string | null;

  @EnumField({
    values: DELIVERY_STATUSES,
    name: 'WebhookDeliveryStatus',
    description: 'Whether it arrived, is still tried, or is not tried any more.',
    example: 'succeeded',
  })
  status!: DeliveryStatus;

  @IntegerField({ min: 0, max: COUNTER_BOUNDS.max, description: 'How often it was tried.', example: 1 })
  attempts!: number;

  @TimestampField({ nullable: true, description: 'When it is tried next, at the earliest.', example: null })
  nextAttemptAt!: string | null;

  @TimestampField({ nullable: true, description: 'When it was tried last.', example: TIME })
  lastAttemptAt!: string | null;

  @IntegerField({
    min: 0,
    max: COUNTER_BOUNDS.max,
    nullable: true,
    description: 'How long the last attempt took, in milliseconds.',
    example: 84,
  })
  latencyMs!: number | null;

  @IntegerField({ min: 100, max: 999, nullable: true, description: 'The HTTP status of the last answer.', example: 200 })
  responseStatus!: number | null;

  @TextField({ max: 1_024, nullable: true, description: 'How the last answer begins, up to 1 kB.', example: 'ok' })
  responseBody!: string | null;

  @TextField({ max: 500, nullable: true, description: 'Why there was no answer.', example: null })
  error!: string | null;

  @TimestampField({ description: 'When it was made.', example: TIME })
  createdAt!: string;
}

@ApiSchema({ name: 'WebhookDeliveryPage' })
export class WebhookDeliveryPageDto {
  @ListField({ type: () => WebhookDeliveryDto, max: PAGE_MAX_ITEMS, description: 'Newest first.' })
  items!: WebhookDeliveryDto[];

  @NextCursorField()
  nextCursor!: string | null;
}
