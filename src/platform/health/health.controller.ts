import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiSchema, ApiTags } from '@nestjs/swagger';
import { Open } from '../auth/access.decorators.js';
import { DATABASE_UNAVAILABLE, OVERLOADED, RATE_LIMITED } from '../errors/platform.errors.js';
import { EnumField } from '../http/fields.js';
import { ApiWithoutProblems } from '../http/openapi.js';

@ApiSchema({ name: 'Health' })
export class HealthDto {
  @EnumField({ values: ['ok'], name: 'HealthStatus', description: 'Always `ok`; anything else is a problem.', example: 'ok' })
  status!: 'ok';
}

@ApiTags('Health')
@Controller({ path: 'health', version: VERSION_NEUTRAL })
export class HealthController {
  constructor(private readonly em: EntityManager) {}

  @Get('live')
  @Open()
  @ApiOperation({ operationId: 'getLiveness', summary: 'Does the process answer?', description: 'Restart it when this fails.' })
  @ApiResponse({ status: 200, type: HealthDto, description: 'It does.' })
  @ApiWithoutProblems(RATE_LIMITED, OVERLOADED, DATABASE_UNAVAILABLE)
  live(): HealthDto {
    return { status: 'ok' };
  }

  @Get('ready')
  @Open()
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'Can it serve requests?',
    description: 'Whether the database answers. Send it no requests while this fails.',
  })
  @ApiResponse({ status: 200, type: HealthDto, description: 'It can.' })
  @ApiWithoutProblems(RATE_LIMITED)
  async ready(): Promise<HealthDto> {
    await this.em.fork().execute('select 1');
    return { status: 'ok' };
  }
}
