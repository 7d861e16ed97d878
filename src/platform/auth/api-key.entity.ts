import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import type { Scope } from './scopes.js';

@Entity({ tableName: 'api_keys' })
export class ApiKey {
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'text' })
  prefix!: string;

  /** SHA-256 of the secret, in hexadecimal. */
  @Property({ type: 'text' })
  secretHash!: string;

  @Property({ type: 'text' })
  name!: string;

  @Property({ type: 'array' })
  scopes!: Scope[];

  @Property({ type: 'text' })
  createdBy!: string;

  @Property({ type: 'datetime' })
  createdAt!: Date;

  @Property({ type: 'datetime', nullable: true })
  expiresAt!: Date | null;

  @Property({ type: 'datetime', nullable: true })
  revokedAt!: Date | null;

  /** Written at most once a minute. */
  @Property({ type: 'datetime', nullable: true })
  lastUsedAt!: Date | null;
}
