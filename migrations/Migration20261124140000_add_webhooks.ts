import { Migration } from '@mikro-orm/migrations';

export class Migration20261124140000_add_webhooks extends Migration {
  override up(): void {
    this.addSql(`
      create table webhook_endpoints (
        id uuid primary key,
        url text not null check (url ~ '^https?://' and char_length(url) <= 2000),
        types text[] check (cardinality(types) between 1 and 50),
        event_id uuid references events (id),
        description text check (char_length(description) between 1 and 500),
        enabled boolean not null,
        enabled_at timestamptz(3) not null,
        disabled_reason text check (disabled_reason in ('gone', 'failing')),
        secret text not null check (secret like 'v1.%'),
        previous_secret text check (previous_secret like 'v1.%'),
        previous_secret_ends_at timestamptz(3),
        failing_since timestamptz(3),
        version integer not null check (version >= 1),
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        constraint webhook_endpoints_reason_only_if_disabled check (not enabled or disabled_reason is null),
        constraint webhook_endpoints_previous_secret_ends check ((previous_secret is null) = (previous_secret_ends_at is null))
      );
      comment on table webhook_endpoints is 'Where facts are sent to.';
      comment on column webhook_endpoints.types is 'Null: all.';
      comment on column webhook_endpoints.event_id is 'Only what is about this event and its orders; null: all.';
      comment on column webhook_endpoints.enabled_at is 'When it was enabled last: what happened before is not sent.';
      comment on column webhook_endpoints.disabled_reason is 'Why it was disabled by itself; null when somebody did it.';
      comment on column webhook_endpoints.secret is 'Signs; encrypted with WEBHOOK_SECRET_KEY.';
      comment on column webhook_endpoints.failing_since is 'Time of the first failure after the last success.';
      create index webhook_endpoints_list_idx on webhook_endpoints (created_at, id);

      create table webhook_deliveries (
        id uuid primary key,
        webhook_endpoint_id uuid not null,
        message_id uuid not null,
        type text not null check (char_length(type) between 1 and 60),
        event_id uuid,
        order_id uuid,
        body text not null,
        status text not null default 'pending' check (status in ('pending', 'succeeded', 'failed')),
        attempts integer not null default 0 check (attempts >= 0),
        next_attempt_at timestamptz(3),
        last_attempt_at timestamptz(3),
        latency_ms integer check (latency_ms >= 0),
        response_status smallint check (response_status between 100 and 999),
        response_body text check (char_length(response_body) <= 1024),
        error text check (char_length(error) <= 500),
        created_at timestamptz(3) not null,
        constraint webhook_deliveries_only_pending_go_on check ((status = 'pending') = (next_attempt_at is not null)),
        constraint webhook_deliveries_attempted_has_time check (attempts = 0 or last_attempt_at is not null)
      );
      comment on table webhook_deliveries is 'One fact for one endpoint, as it is sent and what came of it. No foreign key: those of an endpoint that is deleted are purged by their age.';
      comment on column webhook_deliveries.message_id is 'The id of the fact, and the webhook-id.';
      comment on column webhook_deliveries.response_body is 'The beginning of the last answer.';
      create index webhook_deliveries_list_idx on webhook_deliveries (webhook_endpoint_id, created_at, id);
    `);
  }

  override down(): void {
    this.addSql('drop table webhook_deliveries, webhook_endpoints;');
  }
}
