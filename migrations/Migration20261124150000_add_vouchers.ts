import { Migration } from '@mikro-orm/migrations';

export class Migration20261124150000_add_vouchers extends Migration {
  override up(): void {
    this.addSql(`
      create table vouchers (
        id uuid not null,
        event_id uuid not null,
        code text not null check (char_length(code) between 3 and 40),
        code_key text not null check (code_key <> ''),
        percent smallint check (percent between 1 and 100),
        amount bigint check (amount between 0 and 9007199254740991),
        currency text not null,
        ticket_type_ids uuid[] check (cardinality(ticket_type_ids) between 1 and 100),
        starts_at timestamptz(3),
        ends_at timestamptz(3),
        max_redemptions integer check (max_redemptions between 1 and 10000000),
        max_per_customer integer check (max_per_customer between 1 and 10000),
        redemptions integer not null default 0,
        version integer not null default 1 check (version >= 1),
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null check (updated_at >= created_at),
        primary key (id, event_id),
        constraint vouchers_event_fkey foreign key (event_id, currency) references events (id, currency),
        constraint vouchers_code_key unique (event_id, code_key),
        constraint vouchers_one_discount check ((percent is null) <> (amount is null)),
        constraint vouchers_end_after_start check (ends_at > starts_at),
        constraint vouchers_never_overdrawn check (redemptions between 0 and coalesce(max_redemptions, 2147483647))
      );
      comment on table vouchers is 'Codes that make orders of one event cheaper.';
      comment on column vouchers.code_key is 'The code as it is compared: trimmed and case-folded.';
      comment on column vouchers.redemptions is 'Held and confirmed orders that use it: the rows of voucher_redemptions.';
      create index vouchers_created_at_idx on vouchers (event_id, created_at, id);

      create table voucher_redemptions (
        order_id uuid not null,
        event_id uuid not null,
        voucher_id uuid not null,
        customer_hash text not null check (customer_hash ~ '^[0-9a-f]{64}$'),
        primary key (order_id, event_id),
        constraint voucher_redemptions_order_fkey foreign key (order_id, event_id) references orders (id, event_id),
        constraint voucher_redemptions_voucher_fkey foreign key (voucher_id, event_id) references vouchers (id, event_id)
      );
      comment on table voucher_redemptions is 'Which live order uses which voucher. Cancelled and expired orders give theirs back.';
      comment on column voucher_redemptions.customer_hash is 'SHA-256 of who counts as one customer.';
      create index voucher_redemptions_customer_idx on voucher_redemptions (voucher_id, customer_hash);
    `);
  }

  override down(): void {
    this.addSql('drop table voucher_redemptions, vouchers;');
  }
}
