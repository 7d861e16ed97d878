import { Controller, Get, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { HasScope, Open, OpenToStrangers } from '../auth/access.decorators.js';
import { DomainError } from '../errors/domain-error.js';
import { DATABASE_UNAVAILABLE, OVERLOADED, RATE_LIMITED } from '../errors/platform.errors.js';
import { ApiProblems, ApiWithoutProblems } from '../http/openapi.js';
import { HealthDto, ReadinessDto } from './health.dto.js';
import { NOT_READY } from './health.errors.js';
import { Readiness } from './readiness.js';

@ApiTags('Health')
@Controller({ path: 'health', version: VERSION_NEUTRAL })
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('live')
  @Open()
  @ApiOperation({ operationId: 'getLiveness', summary: 'Does the process answer?', description: 'Restart it when this fails.' })
  @ApiResponse({ status: 200, type: HealthDto, description: 'It does.' })
  @ApiWithoutProblems(RATE_LIMITED, OVERLOADED, DATABASE_UNAVAILABLE)
  live(): HealthDto {
    return { status: 'ok' };
  }

  @Get('ready')
  @OpenToStrangers()
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'Can it serve requests?',
    description:
      'Whether the database answers and takes writes, its schema is the expected one, and no shutdown has begun. ' +
      'Send it no requests while this fails. Who sends credentials with the scope `admin` is told which of these it is; ' +
      'while the database is away only with an access token, since API keys are looked up there.',
  })
  @ApiResponse({ status: 200, type: ReadinessDto, description: 'It can.' })
  @ApiProblems(NOT_READY)
  @ApiWithoutProblems(RATE_LIMITED, OVERLOADED, DATABASE_UNAVAILABLE)
  async ready(@HasScope('admin') showsChecks: boolean): Promise<ReadinessDto> {
    const checks = await this.readiness.check();
    const shown = showsChecks ? { checks } : {};
    if (Object.values(checks).every((state) => state === 'ok')) return { status: 'ok', ...shown };
    throw new DomainError(NOT_READY, NOT_READY.example.detail, shown);
  }
}
