import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** The remembered answer of a request that succeeded. Written in the transaction that did the work. */
@Entity({ tableName: 'idempotency_keys' })
export class IdempotencyRecord {
  @PrimaryKey({ type: 'text' })
  caller!: string;

  @PrimaryKey({ type: 'text' })
  key!: string;

  /** SHA-256 of the request, in hexadecimal; see `fingerprintOf`. */
  @Property({ type: 'text' })
  fingerprint!: string;

  @Property({ type: 'smallint' })
  status!: number;

  /** The answer's body, as the very JSON text that was sent. */
  @Property({ type: 'text' })
  body!: string;

  @Property({ type: 'datetime' })
  createdAt!: Date;
}
