import { Global, Module } from '@nestjs/common';
import { DatabaseMetrics } from './database-metrics.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';
import { RequestWatch } from './request-watch.js';
import { Tracing } from './tracing.js';

/** Global, so that any module can add metrics of its own to {@link Metrics}. */
@Global()
@Module({
  controllers: [MetricsController],
  providers: [Metrics, Tracing.provider, RequestWatch, DatabaseMetrics],
  exports: [Metrics, Tracing, RequestWatch],
})
export class ObservabilityModule {}
