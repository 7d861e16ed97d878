import { ApiSchema } from '@nestjs/swagger';
import { EnumListField, ListField, TextField, TimestampField, UuidField } from '../http/fields.js';
import { NextCursorField, PAGE_MAX_ITEMS } from '../http/pagination.js';
import { API_KEY_PREFIX_TEXT, API_KEY_TEXT } from './api-key-token.js';
import { SCOPES, type Scope } from './scopes.js';

/** In characters; a CHECK constraint repeats it. */
const NAME_BOUNDS = { min: 1, max: 200 } as const;

/** Modules define scopes of their own, so the most is not known here. */
const SCOPES_MAX = 100;

const scopesOptions = { values: SCOPES, name: 'Scope', min: 1, max: SCOPES_MAX } as const;

@ApiSchema({ name: 'NewApiKey' })
export class CreateApiKeyDto {
  @TextField({ ...NAME_BOUNDS, description: 'What it is for.', example: 'Web shop' })
  name!: string;

  @EnumListField({ ...scopesOptions, description: 'What it may do; `admin` implies all others.', example: ['bookings:write'] })
  scopes!: Scope[];

  @TimestampField({
    optional: true,
    nullable: true,
    description: 'When it stops working; null: never.',
    example: '2035-01-01T00:00:00Z',
  })
  expiresAt?: string | null;
}

@ApiSchema({ name: 'ApiKey' })
export class ApiKeyDto {
  @UuidField({ description: 'Its id.', example: '019a0000-0000-7000-8000-0000000000b1' })
  id!: string;

  @TextField({ ...NAME_BOUNDS, description: 'What it is for.', example: 'Web shop' })
  name!: string;

  @TextField({ ...API_KEY_PREFIX_TEXT, description: 'How the key begins.', example: 'hf_5f0c3e8a9b1d2c47' })
  prefix!: string;

  @EnumListField({ ...scopesOptions, description: 'What it may do.', example: ['bookings:write'] })
  scopes!: Scope[];

  @TimestampField({ nullable: true, description: 'When it stops working; null: never.', example: '2035-01-01T00:00:00.000Z' })
  expiresAt!: string | null;

  @TimestampField({ nullable: true, description: 'When it was revoked.', example: null })
  revokedAt!: string | null;

  @TimestampField({ nullable: true, description: 'When it was used last, to the minute.', example: '2026-11-24T09:00:00.000Z' })
  lastUsedAt!: string | null;

  @TimestampField({ description: 'When it was made.', example: '2026-11-24T09:00:00.000Z' })
  createdAt!: string;
}

@ApiSchema({ name: 'CreatedApiKey' })
export class CreatedApiKeyDto extends ApiKeyDto {
  @TextField({
    ...API_KEY_TEXT,
    nullable: true,
    description: 'The key. It is shown this one time; a repeat of the request has null here.',
    example: `hf_5f0c3e8a9b1d2c47_${'0'.repeat(64)}`,
  })
  key!: string | null;
}

@ApiSchema({ name: 'ApiKeyPage' })
export class ApiKeyPageDto {
  @ListField({ type: () => ApiKeyDto, max: PAGE_MAX_ITEMS, description: 'Newest first.' })
  items!: ApiKeyDto[];

  @NextCursorField()
  nextCursor!: string | null;
}
