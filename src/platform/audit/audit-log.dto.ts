import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ListField, TextField, TimestampField, UuidField } from '../http/fields.js';
import { NextCursorField, PAGE_MAX_ITEMS, PageQueryDto } from '../http/pagination.js';
import { REQUEST_ID_SCHEMA } from '../http/value-schemas.js';

/** In characters; CHECK constraints repeat them. */
const ACTOR_BOUNDS = { min: 1, max: 260 } as const;
const ACTION_BOUNDS = { min: 1, max: 60 } as const;
const TARGET_TYPE_BOUNDS = { min: 1, max: 40 } as const;

const EXAMPLE_EVENT = '019a0000-0000-7000-8000-000000000001';

/** The state of what was changed: its members are those that the API shows of it, for an order fewer. */
const StateField = (description: string, example: object) =>
  ApiProperty({ type: 'object', additionalProperties: true, nullable: true, required: true, description, example } as never);

@ApiSchema({ name: 'AuditEntry' })
export class AuditEntryDto {
  @UuidField({ description: 'Its id.', example: '019a0000-0000-7000-8000-0000000000c1' })
  id!: string;

  @TimestampField({ description: 'When, by the clock of the database.', example: '2026-11-24T09:00:00.000Z' })
  at!: string;

  @TextField({
    ...ACTOR_BOUNDS,
    description: 'Who did it: `key:` and the id of an API key, `user:` and the `sub` of a token, or `system`.',
    example: 'key:019a0000-0000-7000-8000-0000000000b1',
  })
  actor!: string;

  @TextField({ ...ACTION_BOUNDS, description: 'What was done.', example: 'event.updated' })
  action!: string;

  @TextField({ ...TARGET_TYPE_BOUNDS, description: 'What it was done to.', example: 'event' })
  targetType!: string;

  @UuidField({ description: 'Its id. It may be gone since.', example: EXAMPLE_EVENT })
  targetId!: string;

  @UuidField({ nullable: true, description: 'The event that it belongs to, if any.', example: EXAMPLE_EVENT })
  eventId!: string | null;

  @TextField({
    min: REQUEST_ID_SCHEMA.minLength,
    max: REQUEST_ID_SCHEMA.maxLength,
    pattern: new RegExp(REQUEST_ID_SCHEMA.pattern),
    nullable: true,
    description: 'The `X-Request-Id` of the request that did it; null for jobs and scripts.',
    example: '6b1f9a52-1d1c-4a4c-8f2e-0c8f4f6f3a10',
  })
  requestId!: string | null;

  @StateField('What was there; null: it is new.', { name: 'Concert', version: 1 })
  before!: Record<string, unknown> | null;

  @StateField('What is there now; null: it is gone.', { name: 'Concert by the harbour', version: 2 })
  after!: Record<string, unknown> | null;
}

@ApiSchema({ name: 'AuditLogPage' })
export class AuditLogPageDto {
  @ListField({ type: () => AuditEntryDto, max: PAGE_MAX_ITEMS, description: 'Newest first.' })
  items!: AuditEntryDto[];

  @NextCursorField()
  nextCursor!: string | null;
}

export class AuditLogQueryDto extends PageQueryDto {
  @TextField({ ...ACTOR_BOUNDS, optional: true, description: 'Only what this one did.' })
  actor?: string;

  @TextField({ ...ACTION_BOUNDS, optional: true, description: 'Only this, as `event.updated`.' })
  action?: string;

  @UuidField({ optional: true, description: 'Only what was done to this.' })
  targetId?: string;

  @UuidField({ optional: true, description: 'Only what was done to this event and to what belongs to it.' })
  eventId?: string;

  @TimestampField({ optional: true, description: 'Only what was done at this time or later.' })
  from?: string;

  @TimestampField({ optional: true, description: 'Only what was done before this time.' })
  to?: string;
}
