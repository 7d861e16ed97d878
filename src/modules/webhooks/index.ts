export { isPublicAddress, urlFault } from './address-rules.js';
export { DeliverySchedule } from './delivery-schedule.js';
export { HostLookup } from './host-lookup.js';
export { keptSecretKey } from './secret-key-file.js';
export { PurgeWebhookDeliveriesJob } from './purge-webhook-deliveries.job.js';
export { WebhooksModule } from './webhooks.module.js';
