import { Migration } from '@mikro-orm/migrations';

/** Facts for subscribers and the change feed, and what extensions add to an order: adjustments of its price and data. */
export class Migration20261124130000_add_domain_events extends Migration {
  override up(): void {
    this.addSql(`
      create table domain_events (
        transaction_id xid8 not null default pg_current_xact_id(),
        position bigint generated always as identity,
        id uuid not null,
        type text not null check (type ~ '^[a-z][a-z-]*\\.[a-z][a-z-]*$' and char_length(type) <= 60),
        schema_version smallint not null check (schema_version >= 1),
        event_id uuid,
        order_id uuid,
        sequence integer check (sequence >= 1),
        occurred_at timestamptz(3) not null,
        data json not null check (json_typeof(data) = 'object'),
        primary key (transaction_id, position),
        constraint domain_events_order_facts_are_numbered check ((order_id is null) = (sequence is null)),
        constraint domain_events_order_has_event check (order_id is null or event_id is not null)
      );
      comment on table domain_events is 'What happened, for subscribers and the change feed; written by the transaction that did it.';
      comment on column domain_events.transaction_id is 'Who wrote it. A reader goes no further than the oldest transaction that still runs, so that a late commit is not skipped.';
      comment on column domain_events.sequence is 'That of the line of history; null on facts about events and ticket types.';
      create index domain_events_occurred_at_idx on domain_events using brin (occurred_at) with (pages_per_range = 32);

      create table domain_event_cursors (
        name text not null primary key check (char_length(name) between 1 and 100),
        transaction_id xid8 not null,
        position bigint not null check (position >= 0),
        updated_at timestamptz(3) not null
      );
      comment on table domain_event_cursors is 'How far each consumer has taken over domain events; and how far they were purged.';

      create function sum_of_amounts(adjustments jsonb) returns bigint language sql immutable strict parallel safe
        return (select coalesce(sum((adjustment ->> 'amount')::bigint), 0)::bigint from jsonb_array_elements(adjustments) adjustment);
      alter table orders
        add column adjustments jsonb not null default '[]',
        add column adjustment_amount bigint not null default 0,
        add column extensions jsonb not null default '{}',
        add constraint orders_adjustments_are_a_list check (jsonb_typeof(adjustments) = 'array') not valid,
        add constraint orders_extensions_are_an_object check (jsonb_typeof(extensions) = 'object') not valid,
        add constraint orders_adjustment_amount_is_the_sum check (
          case when adjustments = '[]' then adjustment_amount = 0 else adjustment_amount = sum_of_amounts(adjustments) end) not valid,
        add constraint orders_subtotal_range check (total_amount - adjustment_amount between 0 and 9007199254740991) not valid;
      comment on column orders.adjustments is 'What extensions added to the sum of the items, or took off it: [{ extension, code, label, amount }].';
      comment on column orders.adjustment_amount is 'The sum of the adjustments: total_amount = sum of the items + adjustment_amount.';
      comment on column orders.extensions is 'What extensions keep with the order, by member.';
    `);
    for (const name of [
      'orders_adjustments_are_a_list',
      'orders_extensions_are_an_object',
      'orders_adjustment_amount_is_the_sum',
      'orders_subtotal_range',
    ]) {
      this.addSql(`alter table orders validate constraint ${name}`);
    }
    // Scopes of modules: their names are checked when a key is made, by the modules that are loaded then.
    this.addSql(`
      alter table api_keys drop constraint api_keys_scopes_check;
      alter table api_keys add constraint api_keys_scopes_check check (
        cardinality(scopes) >= 1 and array_to_string(scopes, ' ', '') ~ '^((admin|[a-z][a-z-]*:[a-z][a-z-]*)( |$))+$');
    `);
  }

  override down(): void {
    this.addSql(`
      update api_keys set scopes = array(
        select scope from unnest(scopes) scope
         where scope in ('events:write', 'bookings:write', 'orders:read', 'orders:write', 'metrics:read', 'admin'));
      delete from api_keys where cardinality(scopes) = 0;
      alter table api_keys drop constraint api_keys_scopes_check;
      alter table api_keys add constraint api_keys_scopes_check check (
        cardinality(scopes) >= 1
        and scopes <@ array['events:write', 'bookings:write', 'orders:read', 'orders:write', 'metrics:read', 'admin']);
      alter table orders drop column adjustments, drop column adjustment_amount, drop column extensions;
      drop function sum_of_amounts(jsonb);
      drop table domain_event_cursors, domain_events;
    `);
  }
}
