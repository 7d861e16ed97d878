import { ApiSchema } from '@nestjs/swagger';
import { EnumField, ObjectField } from '../http/fields.js';
import { DATABASE_STATES, type ReadinessChecks, SCHEMA_STATES, SHUTDOWN_STATES } from './readiness.js';

@ApiSchema({ name: 'Health' })
export class HealthDto {
  @EnumField({ values: ['ok'], name: 'HealthStatus', description: 'Always `ok`; anything else is a problem.', example: 'ok' })
  status!: 'ok';
}

@ApiSchema({ name: 'ReadinessChecks' })
export class ReadinessChecksDto implements ReadinessChecks {
  @EnumField({
    values: DATABASE_STATES,
    name: 'ReadinessDatabase',
    description: 'Whether the database answers and takes writes.',
    example: 'ok',
  })
  database!: ReadinessChecks['database'];

  @EnumField({
    values: SCHEMA_STATES,
    name: 'ReadinessSchema',
    description: 'The schema, compared with what this version of the code expects.',
    example: 'ok',
  })
  schema!: ReadinessChecks['schema'];

  @EnumField({
    values: SHUTDOWN_STATES,
    name: 'ReadinessShutdown',
    description: 'Whether this instance is shutting down.',
    example: 'ok',
  })
  shutdown!: ReadinessChecks['shutdown'];
}

@ApiSchema({ name: 'Readiness' })
export class ReadinessDto extends HealthDto {
  @ObjectField({ type: () => ReadinessChecksDto, optional: true, description: 'Only for callers with the scope `admin`.' })
  checks?: ReadinessChecksDto;
}
