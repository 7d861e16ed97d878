import { Migration } from '@mikro-orm/migrations';

export class Migration20261124110000_add_access extends Migration {
  override up(): void {
    this.addSql(`
      create table api_keys (
        id uuid primary key,
        prefix text not null check (prefix ~ '^[0-9a-f]{16}$'),
        secret_hash text not null check (secret_hash ~ '^[0-9a-f]{64}$'),
        name text not null check (char_length(name) between 1 and 200),
        scopes text[] not null check (
          cardinality(scopes) >= 1
          and scopes <@ array['events:write', 'bookings:write', 'orders:read', 'orders:write', 'metrics:read', 'admin']
        ),
        created_by text not null check (char_length(created_by) between 1 and 260),
        created_at timestamptz(3) not null,
        expires_at timestamptz(3) check (expires_at > created_at),
        revoked_at timestamptz(3) check (revoked_at >= created_at),
        last_used_at timestamptz(3),
        constraint api_keys_prefix_key unique (prefix)
      );
      comment on table api_keys is 'Keys of servers and staff. A key is hf_<prefix>_<secret>; of the secret only its SHA-256 is here.';
      comment on column api_keys.last_used_at is 'Written at most once a minute.';
      create index api_keys_created_at_idx on api_keys (created_at, id);

      alter table events add column published_at timestamptz(3);
      update events set published_at = updated_at where status = 'published' or (status = 'cancelled' and sequence > 0);
      alter table events add constraint events_published_has_time check (status <> 'published' or published_at is not null);
      comment on column events.published_at is 'When it was published first; an event without is shown to its makers only.';

      alter table orders add column customer_subject text check (char_length(customer_subject) between 1 and 255);
      comment on column orders.customer_subject is 'The signed-in customer (sub) who booked it for themselves; null when it was booked for the customer.';
      create index orders_customer_subject_idx on orders (customer_subject, created_at, id) where customer_subject is not null;

      alter table idempotency_keys drop constraint idempotency_keys_caller_check;
      alter table idempotency_keys add constraint idempotency_keys_caller_check check (char_length(caller) between 1 and 260);
      alter table order_history drop constraint order_history_actor_check;
      alter table order_history add constraint order_history_actor_check check (char_length(actor) between 1 and 260);
    `);
  }

  override down(): void {
    this.addSql(`
      delete from idempotency_keys where char_length(caller) > 255;
      update order_history set actor = left(actor, 255) where char_length(actor) > 255;
      alter table order_history drop constraint order_history_actor_check;
      alter table order_history add constraint order_history_actor_check check (char_length(actor) between 1 and 255);
      alter table idempotency_keys drop constraint idempotency_keys_caller_check;
      alter table idempotency_keys add constraint idempotency_keys_caller_check check (char_length(caller) between 1 and 255);
      alter table orders drop column customer_subject;
      alter table events drop column published_at;
      drop table api_keys;
    `);
  }
}
