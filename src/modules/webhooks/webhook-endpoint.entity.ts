import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** Why an endpoint was disabled by itself: it answered 410, or failed for days. */
export const DISABLED_REASONS = ['gone', 'failing'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

@Entity({ tableName: 'webhook_endpoints' })
export class WebhookEndpoint {
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'text' })
  url!: string;

  /** Null: all. */
  @Property({ type: 'array', nullable: true })
  types!: string[] | null;

  /** Null: all. */
  @Property({ type: 'uuid', nullable: true })
  eventId!: string | null;

  @Property({ type: 'text', nullable: true })
  description!: string | null;

  @Property({ type: 'boolean' })
  enabled!: boolean;

  /** When it was enabled last: what happened before is not sent. */
  @Property({ type: 'datetime' })
  enabledAt!: Date;

  @Property({ type: 'text', nullable: true })
  disabledReason!: DisabledReason | null;

  /** Sealed by `SecretBox`. */
  @Property({ type: 'text' })
  secret!: string;

  /** The one before, sealed too; it signs as well until its end. */
  @Property({ type: 'text', nullable: true })
  previousSecret!: string | null;

  @Property({ type: 'datetime', nullable: true })
  previousSecretEndsAt!: Date | null;

  /** Time of the first failure after the last success. */
  @Property({ type: 'datetime', nullable: true })
  failingSince!: Date | null;

  @Property({ type: 'integer' })
  version!: number;

  @Property({ type: 'datetime' })
  createdAt!: Date;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  enable(now: Date): void {
    if (this.enabled) return;
    this.enabled = true;
    this.enabledAt = now;
    this.disabledReason = null;
    // It has as much time as a new one.
    this.failingSince = null;
  }

  disable(): void {
    this.enabled = false;
  }

  failFrom(now: Date): void {
    this.failingSince = now;
    this.touch(now);
  }

  disableItself(reason: DisabledReason, now: Date): void {
    this.enabled = false;
    this.disabledReason = reason;
    this.touch(now);
  }

  rotateSecret(secret: string, previousEndsAt: Date): void {
    this.previousSecret = this.secret;
    this.previousSecretEndsAt = previousEndsAt;
    this.secret = secret;
  }

  touch(now: Date): void {
    this.version += 1;
    this.updatedAt = now;
  }
}
