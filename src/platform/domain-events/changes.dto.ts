import { applyDecorators } from '@nestjs/common';
import { ApiSchema } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import { type FieldOptions, IntegerField, ListField, ObjectField, TextField, TimestampField, UuidField } from '../http/fields.js';
import { CURSOR, CURSOR_MAX_LENGTH, PAGE_MAX_ITEMS, QueryInteger } from '../http/pagination.js';
import { COUNTER_BOUNDS } from '../http/value-schemas.js';
import { allDomainEventTypes } from './domain-event.js';

const DEFAULT_ITEMS = 50;
const TYPES_MAX = 50;
/** Longest wait for news, in seconds. */
export const WAIT_MAX_SECONDS = 25;

const TYPE_BOUNDS = { min: 1, max: 60, shape: /^[a-z][a-z-]*\.[a-z][a-z-]*$/ } as const;
const TYPE_LIST_MAX_LENGTH = TYPES_MAX * 61;

const cursor = { min: 1, max: CURSOR_MAX_LENGTH, shape: CURSOR } as const;

/** A list with commas, as an array. The types are those of the running application: modules have their own. */
function TypeListField(options: FieldOptions): PropertyDecorator {
  const isKnown = (type: unknown) => allDomainEventTypes().some((known) => known.type === type);
  return applyDecorators(
    TextField({ ...options, min: 1, max: TYPE_LIST_MAX_LENGTH, shape: /^[a-z.-]+(,[a-z.-]+)*$/ }),
    ValidateBy({
      name: 'areTypes',
      validator: {
        validate: (list) => typeof list === 'string' && typesOf(list).length <= TYPES_MAX && typesOf(list).every(isKnown),
        defaultMessage: () =>
          `types must be some of ${allDomainEventTypes()
            .map(({ type }) => type)
            .join(', ')}`,
      },
    }),
  );
}

export function typesOf(list: string): string[] {
  return list.split(',');
}

/** Stands for the resources that changes are about, see {@link changeDataSchema}. */
@ApiSchema({ name: 'ChangeData' })
export class ChangeDataDto {}

/** The schema of {@link ChangeDataDto}: one of the resources that domain events of the running application are about. */
export function changeDataSchema(): object {
  const types = allDomainEventTypes();
  const names = [...new Set(types.flatMap(({ schema }) => schema ?? []))].toSorted();
  const others = types.every(({ schema }) => schema !== undefined) ? [] : [{ type: 'object', additionalProperties: true }];
  return { anyOf: [...names.map((name) => ({ $ref: `#/components/schemas/${name}` })), ...others] };
}

export class ChangesQueryDto {
  @TextField({
    ...cursor,
    optional: true,
    description: 'The `nextCursor` of the answer before; without it, from the oldest that is kept.',
  })
  after?: string;

  @TypeListField({
    optional: true,
    description: 'Only these types, with commas between them.',
    example: 'order.confirmed,order.cancelled',
  })
  types?: string;

  @UuidField({ optional: true, description: 'Only what is about this event and its orders.' })
  eventId?: string;

  @IntegerField({
    min: 1,
    max: PAGE_MAX_ITEMS,
    optional: true,
    description: 'How many items an answer has at most.',
    default: DEFAULT_ITEMS,
    example: DEFAULT_ITEMS,
  })
  @QueryInteger()
  limit: number = DEFAULT_ITEMS;

  @IntegerField({
    min: 0,
    max: WAIT_MAX_SECONDS,
    optional: true,
    description: 'How many seconds to wait for the next change when there is none.',
    default: 0,
    example: 0,
  })
  @QueryInteger()
  wait: number = 0;
}

@ApiSchema({ name: 'Change' })
export class ChangeDto {
  @UuidField({
    description: 'UUIDv7; the same fact has the same id wherever it is told.',
    example: '019a0000-0000-7000-8000-0000000000e1',
  })
  id!: string;

  @TextField({ ...TYPE_BOUNDS, description: 'What happened.', example: 'event.published' })
  type!: string;

  @UuidField({ nullable: true, description: 'The event that it is about.', example: '019a0000-0000-7000-8000-000000000001' })
  eventId!: string | null;

  @UuidField({ nullable: true, description: 'The order that it is about.', example: null })
  orderId!: string | null;

  @IntegerField({
    ...COUNTER_BOUNDS,
    nullable: true,
    description: "The event's number of this line of the order's history, without gaps; null on facts about other things.",
    example: null,
  })
  sequence!: number | null;

  @TimestampField({ description: 'When, by the clock of the database.', example: '2035-01-15T09:30:00.000Z' })
  occurredAt!: string;

  @ObjectField({
    type: () => ChangeDataDto,
    description: 'The order, event or whatever it is about, as the API showed it at that moment.',
  })
  data!: object;
}

@ApiSchema({ name: 'Changes' })
export class ChangesDto {
  @ListField({ type: () => ChangeDto, max: PAGE_MAX_ITEMS, description: 'Oldest first; none is ever skipped.' })
  items!: ChangeDto[];

  @TextField({ ...cursor, description: 'Where to go on, also when there is nothing new.', example: 'WyI4MTIiLCIxNyJd' })
  nextCursor!: string;
}
