import { Controller, Get, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequireScope } from '../auth/access.decorators.js';
import { Metrics } from './metrics.js';

const EXAMPLE =
  '# HELP holdfast_bookings_total …\n# TYPE holdfast_bookings_total counter\nholdfast_bookings_total{outcome="confirmed"} 4711\n';

@ApiTags('Health')
@Controller({ path: 'metrics', version: VERSION_NEUTRAL })
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @RequireScope('metrics:read')
  @ApiOperation({
    operationId: 'getMetrics',
    summary: 'Metrics of this process',
    description: 'In the text format of Prometheus. Each process has its own; scrape all of them.',
  })
  @ApiResponse({
    status: 200,
    description: 'The metrics.',
    content: { 'text/plain': { schema: { type: 'string', pattern: '^# HELP ', example: EXAMPLE } } },
  })
  async get(@Res() response: Response): Promise<void> {
    response.type(this.metrics.contentType).send(await this.metrics.render());
  }
}
