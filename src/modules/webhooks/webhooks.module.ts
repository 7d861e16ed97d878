import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Module } from '@nestjs/common';
import { DeliveryLog } from './delivery-log.js';
import { DeliveryQueues } from './delivery-queues.js';
import { DeliverySchedule } from './delivery-schedule.js';
import { DeliveryWorker } from './delivery-worker.js';
import { HostLookup } from './host-lookup.js';
import { PurgeWebhookDeliveriesJob } from './purge-webhook-deliveries.job.js';
import { SecretBox } from './secret-box.js';
import { WebhookDeliveriesController } from './webhook-deliveries.controller.js';
import { WebhookDeliveriesService } from './webhook-deliveries.service.js';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { WebhookDispatcher } from './webhook-dispatcher.js';
import { WebhookEndpoint } from './webhook-endpoint.entity.js';
import { WebhookEndpointsController } from './webhook-endpoints.controller.js';
import { WebhookEndpointsService } from './webhook-endpoints.service.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhooksPersonalData } from './webhooks-personal-data.js';

/** Tells other systems what happens, by signed requests. It stands on the extension contract alone. */
@Module({
  imports: [MikroOrmModule.forFeature([WebhookEndpoint, WebhookDelivery])],
  controllers: [WebhookEndpointsController, WebhookDeliveriesController],
  providers: [
    ...[WebhookEndpointsService, WebhookDeliveriesService, SecretBox, WebhookDispatcher, DeliveryQueues],
    ...[
      DeliveryWorker,
      DeliveryLog,
      DeliverySchedule,
      WebhookSender,
      HostLookup,
      PurgeWebhookDeliveriesJob,
      WebhooksPersonalData,
      WebhookMetrics,
    ],
  ],
})
export class WebhooksModule {}
