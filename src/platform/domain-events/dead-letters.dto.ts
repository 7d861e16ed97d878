import { ApiSchema } from '@nestjs/swagger';
import { IntegerField, ListField, ObjectField, TextField, TimestampField, UuidField } from '../http/fields.js';
import { NextCursorField, PAGE_MAX_ITEMS, PageQueryDto } from '../http/pagination.js';
import { ChangeDto } from './changes.dto.js';

const subscriber = { min: 1, max: 80, example: 'LoyaltyPoints.award' } as const;

@ApiSchema({ name: 'DeadLetter' })
export class DeadLetterDto {
  @UuidField({ description: 'Its id.', example: '019a0000-0000-7000-8000-0000000000d1' })
  id!: string;

  @TextField({ ...subscriber, description: 'Who could not take it.' })
  subscriber!: string;

  @ObjectField({ type: () => ChangeDto, description: 'The change.' })
  change!: ChangeDto;

  @IntegerField({ min: 1, max: 1_000, description: 'How often it was tried.', example: 13 })
  attempts!: number;

  @TextField({ max: 2_000, description: 'What went wrong last.', example: 'The ERP answered 500.' })
  error!: string;

  @TimestampField({ description: 'When it was given up.', example: '2035-01-15T10:30:00.000Z' })
  failedAt!: string;
}

@ApiSchema({ name: 'DeadLetterPage' })
export class DeadLetterPageDto {
  @ListField({ type: () => DeadLetterDto, max: PAGE_MAX_ITEMS, description: 'Newest first.' })
  items!: DeadLetterDto[];

  @NextCursorField()
  nextCursor!: string | null;
}

export class DeadLetterQueryDto extends PageQueryDto {
  @TextField({ ...subscriber, optional: true, description: 'Only those of this subscriber.' })
  subscriber?: string;
}
