import { Migration } from '@mikro-orm/migrations';

/**
 * Every key of a table that belongs to an event holds `event_id`, and every reference between such tables is composite,
 * so that the database refuses to mix two events, and so that the tables can later be distributed by event.
 */
export class Migration20261124060000_create_events_and_orders extends Migration {
  override up(): void {
    this.addSql(`
      create table events (
        id uuid primary key,
        name text not null check (char_length(name) between 1 and 200),
        description text check (char_length(description) <= 10000),
        venue text check (char_length(venue) <= 200),
        starts_at timestamptz(3) not null,
        ends_at timestamptz(3),
        time_zone text not null check (char_length(time_zone) between 1 and 64),
        currency text not null check (currency ~ '^[A-Z]{3}$'),
        status text not null check (status in ('draft', 'published', 'cancelled')),
        sales_open_at timestamptz(3),
        sales_close_at timestamptz(3),
        max_tickets_per_customer integer check (max_tickets_per_customer between 1 and 1000000),
        metadata jsonb not null check (jsonb_typeof(metadata) = 'object'),
        has_orders_to_cancel boolean not null default false,
        sequence integer not null default 0 check (sequence >= 0),
        version integer not null default 1 check (version >= 1),
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null check (updated_at >= created_at),
        constraint events_id_currency_key unique (id, currency),
        constraint events_cancels_orders_when_cancelled check (not has_orders_to_cancel or status = 'cancelled'),
        constraint events_end_after_start check (ends_at > starts_at),
        constraint events_sales_close_after_open check (sales_close_at > sales_open_at)
      );
      comment on table events is 'What tickets are sold for. Its row is the lock that every inventory change takes first.';
      comment on column events.sequence is 'Number of the last line of history; grows only under the lock of this row.';
      comment on column events.version is 'Grows with each change of the event or of the definition of its ticket types, not with sales.';
      comment on column events.has_orders_to_cancel is 'The event is cancelled and its orders are not all cancelled yet.';
      create index events_has_orders_to_cancel_idx on events (id) where has_orders_to_cancel;
      create index events_starts_at_idx on events (starts_at, id);
      create index events_status_starts_at_idx on events (status, starts_at, id);

      create table ticket_types (
        event_id uuid not null,
        id uuid not null,
        name text not null check (char_length(name) between 1 and 200),
        description text check (char_length(description) <= 10000),
        currency text not null,
        price_amount bigint not null check (price_amount between 0 and 9007199254740991),
        capacity integer not null check (capacity between 0 and 10000000),
        held integer not null default 0,
        sold integer not null default 0,
        sales_open_at timestamptz(3),
        sales_close_at timestamptz(3),
        min_per_order integer not null default 1,
        max_per_order integer not null default 100,
        version integer not null default 1 check (version >= 1),
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null check (updated_at >= created_at),
        primary key (event_id, id),
        constraint ticket_types_event_fkey foreign key (event_id, currency) references events (id, currency),
        constraint ticket_types_held_not_negative check (held >= 0),
        constraint ticket_types_sold_not_negative check (sold >= 0),
        constraint ticket_types_never_oversold check (held + sold <= capacity),
        constraint ticket_types_per_order_range check (1 <= min_per_order and min_per_order <= max_per_order and max_per_order <= 100),
        constraint ticket_types_sales_close_after_open check (sales_close_at > sales_open_at)
      );
      comment on table ticket_types is 'What can be booked, and how much of it is taken.';
      comment on column ticket_types.held is 'Tickets in orders with status held.';
      comment on column ticket_types.sold is 'Tickets in orders with status confirmed.';

      create table orders (
        id uuid not null,
        event_id uuid not null,
        sequence integer not null check (sequence >= 1),
        status text not null check (status in ('held', 'confirmed', 'cancelled', 'expired')),
        currency text not null,
        total_amount bigint not null check (total_amount between 0 and 9007199254740991),
        customer_email text not null check (char_length(customer_email) between 3 and 254),
        customer_key text not null check (customer_key <> '' and customer_key = btrim(customer_key)),
        customer_name text check (char_length(customer_name) between 1 and 200),
        metadata jsonb not null check (jsonb_typeof(metadata) = 'object'),
        expires_at timestamptz(3),
        confirmed_at timestamptz(3),
        cancelled_at timestamptz(3),
        cancel_reason text check (char_length(cancel_reason) <= 200),
        version integer not null default 1 check (version >= 1),
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null check (updated_at >= created_at),
        primary key (id, event_id),
        constraint orders_event_fkey foreign key (event_id, currency) references events (id, currency),
        constraint orders_sequence_key unique (event_id, sequence),
        constraint orders_hold_has_end check (status not in ('held', 'expired') or expires_at is not null),
        constraint orders_confirmed_has_time check (status <> 'confirmed' or confirmed_at is not null),
        constraint orders_cancelled_has_time check ((status = 'cancelled') = (cancelled_at is not null)),
        constraint orders_reason_only_if_cancelled check (cancel_reason is null or status = 'cancelled')
      );
      comment on table orders is 'One booking. id comes first in the key because orders are read by id alone.';
      comment on column orders.sequence is 'The event''s sequence number of its booking: the order of allocation.';
      comment on column orders.customer_key is 'Who counts as one customer: the e-mail address, trimmed and case-folded.';
      create index orders_created_at_idx on orders (created_at, id);
      create index orders_event_created_at_idx on orders (event_id, created_at, id);
      create index orders_customer_idx on orders (customer_key, event_id);

      create table order_items (
        order_id uuid not null,
        ticket_type_id uuid not null,
        event_id uuid not null,
        position smallint not null check (position between 0 and 19),
        name text not null check (char_length(name) between 1 and 200),
        quantity integer not null check (quantity between 1 and 100),
        unit_price_amount bigint not null check (unit_price_amount between 0 and 9007199254740991),
        primary key (order_id, ticket_type_id, event_id),
        constraint order_items_order_fkey foreign key (order_id, event_id) references orders (id, event_id),
        constraint order_items_ticket_type_fkey foreign key (event_id, ticket_type_id) references ticket_types (event_id, id),
        constraint order_items_position_key unique (order_id, position, event_id)
      );
      comment on table order_items is 'What an order is for; name and price as they were when it was booked.';
      create index order_items_ticket_type_idx on order_items (event_id, ticket_type_id);

      create table order_history (
        event_id uuid not null,
        sequence integer not null check (sequence >= 1),
        order_id uuid not null,
        from_status text,
        to_status text not null,
        at timestamptz(3) not null,
        actor text not null check (char_length(actor) between 1 and 255),
        reason text check (char_length(reason) <= 200),
        primary key (event_id, sequence),
        constraint order_history_order_fkey foreign key (order_id, event_id) references orders (id, event_id),
        constraint order_history_known_transition check (
          (coalesce(from_status, 'none'), to_status) in (
            ('none', 'held'), ('none', 'confirmed'),
            ('held', 'held'), ('held', 'confirmed'), ('held', 'cancelled'), ('held', 'expired'),
            ('confirmed', 'confirmed'), ('confirmed', 'cancelled'),
            ('expired', 'confirmed')
          )
        )
      );
      comment on table order_history is 'Every transition of every order; the sequences of an event have no gap.';
      create index order_history_order_idx on order_history (order_id, sequence);

      create table idempotency_keys (
        caller text not null check (char_length(caller) between 1 and 255),
        key text not null check (char_length(key) between 1 and 255),
        fingerprint text not null check (fingerprint ~ '^[0-9a-f]{64}$'),
        status smallint not null check (status between 200 and 299),
        body text not null,
        event_id uuid references events (id),
        created_at timestamptz(3) not null,
        primary key (caller, key)
      );
      comment on table idempotency_keys is 'The answer that a repeated request gets; written by the transaction that did the work.';
      create index idempotency_keys_created_at_idx on idempotency_keys (created_at);
    `);
  }

  override down(): void {
    this.addSql('drop table idempotency_keys, order_history, order_items, orders, ticket_types, events;');
  }
}
