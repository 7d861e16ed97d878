import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ReconcileJob } from './reconcile.job.js';
import { ReconciliationMetrics } from './reconciliation-metrics.js';
import { ReconciliationService } from './reconciliation.service.js';

@Module({
  imports: [DiscoveryModule],
  providers: [ReconciliationService, ReconciliationMetrics, ReconcileJob],
  exports: [ReconciliationService],
})
export class ReconciliationModule {}
