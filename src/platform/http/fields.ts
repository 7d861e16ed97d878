import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform, Type, type ClassConstructor } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsEmail,
  IsIn,
  IsInt,
  isISO4217CurrencyCode,
  IsObject,
  IsString,
  IsUUID,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { isTimestamp, isTimeZone, TIME_ZONE_MAX_LENGTH, TIME_ZONE_NAME } from './times.js';
import { integerSchema, NOT_BLANK_PATTERN, TEXT_PATTERN, TIMESTAMP_SCHEMA, UUID_SCHEMA } from './value-schemas.js';

/*
 * One decorator per member of a DTO: what is validated and what the OpenAPI document says come from the same line,
 * so that they cannot differ.
 */

export interface FieldOptions {
  description: string;
  example?: unknown;
  /** The member may be left out. */
  optional?: boolean;
  /** What counts when it is left out, for the document: the class sets it. */
  default?: unknown;
  /** The member may be null; in a request that is the same as leaving it out, in a PATCH it clears the value. */
  nullable?: boolean;
}

function field(options: FieldOptions, schema: Record<string, unknown>, ...rules: PropertyDecorator[]): PropertyDecorator {
  const isGiven = (_: object, value: unknown) =>
    !(options.optional && value === undefined) && !(options.nullable && value === null);
  return applyDecorators(
    ApiProperty({
      description: options.description,
      required: !options.optional,
      ...(options.nullable ? { nullable: true } : {}),
      ...(options.example === undefined ? {} : { example: options.example }),
      ...(options.default === undefined ? {} : { default: options.default }),
      ...schema,
    }),
    ...(options.optional || options.nullable ? [ValidateIf(isGiven)] : []),
    ...rules,
  );
}

function matchesFormat(name: string, test: (value: unknown) => boolean, message: string): PropertyDecorator {
  return ValidateBy({ name, validator: { validate: test, defaultMessage: (args) => `${args?.property} ${message}` } });
}

const NOT_BLANK = /\S/;

/** Characters are code points, as PostgreSQL counts them in its CHECK constraints; `Length` leaves some out. */
function HasLength(min: number, max: number): PropertyDecorator {
  return matchesFormat('hasLength', (value) => hasLength(value, min, max), `must have ${min} to ${max} characters`);
}

function hasLength(value: unknown, min: number, max: number): boolean {
  if (typeof value !== 'string') return false;
  const { length } = Array.from(value);
  return min <= length && length <= max;
}

interface TextOptions extends FieldOptions {
  min?: number;
  max: number;
  pattern?: RegExp;
  /** Documented only: who reads the text refuses what does not match, with a problem of its own. */
  shape?: RegExp;
}

/** Text of `min` (0) to `max` characters; with `min` of 1 or more it may not be blank. */
export function TextField(options: TextOptions): PropertyDecorator {
  const { min = 0, max, pattern, shape } = options;
  const rules = [IsString(), HasLength(min, max)];
  if (pattern) rules.push(Matches(pattern));
  else if (min > 0) rules.push(Matches(NOT_BLANK, { message: '$property must not be blank' }));
  const documented = (pattern ?? shape)?.source ?? (min > 0 ? NOT_BLANK_PATTERN : TEXT_PATTERN);
  return field(options, { type: 'string', minLength: min, maxLength: max, pattern: documented }, ...rules);
}

/** An ISO 4217 code, in capitals. */
export function CurrencyField(options: FieldOptions): PropertyDecorator {
  return field(
    options,
    { type: 'string', minLength: 3, maxLength: 3, pattern: '^[A-Z]{3}$' },
    matchesFormat(
      'isCurrency',
      (value) => isISO4217CurrencyCode(value) && /^[A-Z]{3}$/.test(String(value)),
      'must be an ISO 4217 code',
    ),
  );
}

export function IntegerField(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  const { min, max } = options;
  return field(options, integerSchema(min, max), IsInt(), Min(min), Max(max));
}

export function BooleanField(options: FieldOptions): PropertyDecorator {
  return field(
    options,
    { type: 'boolean' },
    matchesFormat('isBoolean', (value) => typeof value === 'boolean', 'must be true or false'),
  );
}

export function UuidField(options: FieldOptions): PropertyDecorator {
  return field(options, UUID_SCHEMA, IsUUID());
}

export function TimestampField(options: FieldOptions): PropertyDecorator {
  return field(options, TIMESTAMP_SCHEMA, matchesFormat('isTimestamp', isTimestamp, 'must be an RFC 3339 time with an offset'));
}

export function TimeZoneField(options: FieldOptions): PropertyDecorator {
  return field(
    options,
    { type: 'string', minLength: 1, maxLength: TIME_ZONE_MAX_LENGTH, pattern: TIME_ZONE_NAME.source },
    matchesFormat('isTimeZone', isTimeZone, 'must be an IANA time zone name'),
  );
}

/** An e-mail address; white space around it does not count. */
export function EmailField(options: FieldOptions): PropertyDecorator {
  return field(
    options,
    // In JSON Schema `email` is ASCII only; this may be `jürgen@bücher.example`. The shortest is `a@b.de`.
    { type: 'string', format: 'idn-email', minLength: 6, maxLength: 254 },
    IsEmail(),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value)),
  );
}

export function EnumField(options: FieldOptions & { values: readonly string[]; name: string }): PropertyDecorator {
  return field(options, { enum: [...options.values], enumName: options.name }, IsIn([...options.values]));
}

/** A list of different values out of those; `values` may grow later. */
export function EnumListField(
  options: FieldOptions & { values: readonly string[]; name: string; min: number; max: number },
): PropertyDecorator {
  const { values, name, min, max } = options;
  return field(
    options,
    { enum: [...values], enumName: name, isArray: true, minItems: min, maxItems: max, uniqueItems: true },
    IsArray(),
    ArrayMinSize(min),
    ArrayMaxSize(max),
    ArrayUnique(),
    IsIn(values as unknown[], { each: true }),
  );
}

/** A list of texts out of those that `values` tells when it is asked: modules may add to them. One that is named twice counts once. */
export function TextListField(
  options: FieldOptions & {
    values: () => readonly string[];
    of: { max: number; shape: RegExp; example: string };
    min: number;
    max: number;
  },
): PropertyDecorator {
  const { values, of, min, max } = options;
  const items = { type: 'string', minLength: 1, maxLength: of.max, pattern: of.shape.source, example: of.example };
  return field(
    options,
    { type: 'array', items, minItems: min, maxItems: max },
    IsArray(),
    ArrayMinSize(min),
    ArrayMaxSize(max),
    ValidateBy({
      name: 'areKnown',
      validator: {
        validate: (list: unknown) => Array.isArray(list) && list.every((text: string) => values().includes(text)),
        defaultMessage: (args) => `${args?.property} must be some of ${values().join(', ')}`,
      },
    }),
  );
}

/** A list of different ids. */
export function UuidListField(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  const { min, max } = options;
  return field(
    options,
    { type: 'array', items: UUID_SCHEMA, minItems: min, maxItems: max, uniqueItems: true },
    IsArray(),
    ArrayMinSize(min),
    ArrayMaxSize(max),
    ArrayUnique((id: unknown) => String(id).toLowerCase(), { message: '$property must not name one twice' }),
    IsUUID(undefined, { each: true }),
  );
}

export function ObjectField<T extends object>(options: FieldOptions & { type: () => ClassConstructor<T> }): PropertyDecorator {
  // `IsObject` refuses arrays too, which ValidateNested would look into.
  return field(options, { type: options.type }, IsObject(), ValidateNested(), Type(options.type));
}

export function ListField<T extends object>(
  options: FieldOptions & { type: () => ClassConstructor<T>; min?: number; max: number },
): PropertyDecorator {
  const { min = 0, max } = options;
  return field(
    options,
    { type: options.type, isArray: true, minItems: min, maxItems: max },
    IsArray(),
    ArrayMinSize(min),
    ArrayMaxSize(max),
    IsObject({ each: true }),
    ValidateNested({ each: true }),
    Type(options.type),
  );
}

const METADATA_MAX_PAIRS = 20;
const METADATA_MAX_NAME = 40;
const METADATA_MAX_VALUE = 500;

function isMetadata(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const pairs = Object.entries(value);
  return (
    pairs.length <= METADATA_MAX_PAIRS &&
    pairs.every(([name, text]) => hasLength(name, 1, METADATA_MAX_NAME) && hasLength(text, 0, METADATA_MAX_VALUE))
  );
}

/** The caller's own data: up to 20 pairs of text. */
export function MetadataField(options: FieldOptions): PropertyDecorator {
  return field(
    options,
    {
      type: 'object',
      maxProperties: METADATA_MAX_PAIRS,
      propertyNames: { type: 'string', minLength: 1, maxLength: METADATA_MAX_NAME, pattern: TEXT_PATTERN },
      additionalProperties: { type: 'string', maxLength: METADATA_MAX_VALUE, pattern: TEXT_PATTERN },
    },
    matchesFormat(
      'isMetadata',
      isMetadata,
      `must be up to ${METADATA_MAX_PAIRS} pairs of a name (1 to ${METADATA_MAX_NAME} characters) and a text (up to ${METADATA_MAX_VALUE})`,
    ),
  );
}
