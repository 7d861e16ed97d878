import { Migration } from '@mikro-orm/migrations';

export class Migration20261124135100_add_customer_erasures extends Migration {
  override up(): void {
    this.addSql(`
      create table customer_erasures (
        caller text not null check (char_length(caller) between 1 and 260),
        key text not null check (char_length(key) between 1 and 255),
        fingerprint text not null check (fingerprint ~ '^[0-9a-f]{64}$'),
        pseudonym_id uuid not null,
        salt uuid not null default gen_random_uuid(),
        started_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
        primary key (caller, key)
      );
      comment on table customer_erasures is 'Erasures of customers that are under way, by the idempotency key of their request: a repeat goes on under the same pseudonym. Gone once done.';
      comment on column customer_erasures.salt is 'What the pseudonyms of subjects are made with.';
    `);
  }

  override down(): void {
    this.addSql('drop table customer_erasures;');
  }
}
