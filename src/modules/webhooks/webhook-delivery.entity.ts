import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

export const DELIVERY_STATUSES = ['pending', 'succeeded', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** One fact for one endpoint. What the last attempt brought stands in it. */
@Entity({ tableName: 'webhook_deliveries' })
export class WebhookDelivery {
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'uuid' })
  webhookEndpointId!: string;

  /** The id of the fact, and the `webhook-id`. */
  @Property({ type: 'uuid' })
  messageId!: string;

  @Property({ type: 'text' })
  type!: string;

  @Property({ type: 'uuid', nullable: true })
  eventId!: string | null;

  @Property({ type: 'uuid', nullable: true })
  orderId!: string | null;

  /** As it is sent. */
  @Property({ type: 'text', lazy: true })
  body!: string;

  @Property({ type: 'text' })
  status!: DeliveryStatus;

  @Property({ type: 'integer' })
  attempts!: number;

  @Property({ type: 'datetime', nullable: true })
  nextAttemptAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  lastAttemptAt!: Date | null;

  @Property({ type: 'integer', nullable: true })
  latencyMs!: number | null;

  @Property({ type: 'smallint', nullable: true })
  responseStatus!: number | null;

  @Property({ type: 'text', nullable: true })
  responseBody!: string | null;

  @Property({ type: 'text', nullable: true })
  error!: string | null;

  @Property({ type: 'datetime' })
  createdAt!: Date;
}
