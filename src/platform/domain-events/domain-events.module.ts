import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JobQueuesModule } from '../jobs/job-queues.module.js';
import { ChangeFeedService } from './change-feed.service.js';
import { ChangesController } from './changes.controller.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DeadLettersService } from './dead-letters.service.js';
import { DomainEventMetrics } from './domain-event-metrics.js';
import { DomainEventRelayJob } from './domain-event-relay.job.js';
import { DomainEventsPersonalData } from './domain-events-personal-data.js';
import { FeedWatch } from './feed-watch.js';
import { PurgeDomainEventsJob } from './purge-domain-events.job.js';
import { Subscribers } from './subscribers.js';

@Module({
  imports: [DiscoveryModule, JobQueuesModule],
  controllers: [ChangesController, DeadLettersController],
  providers: [
    Subscribers,
    DomainEventRelayJob,
    DomainEventMetrics,
    FeedWatch,
    ChangeFeedService,
    DeadLettersService,
    PurgeDomainEventsJob,
    DomainEventsPersonalData,
  ],
})
export class DomainEventsModule {}
