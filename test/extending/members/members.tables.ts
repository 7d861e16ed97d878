/** What a migration of the module would make. */
export const MEMBERS_TABLES = `
  create table members (
    id uuid primary key,
    customer_key text not null unique check (customer_key = lower(btrim(customer_key))),
    points integer not null default 0 check (points >= 0),
    card_printed boolean not null default false
  );
  create table member_orders (
    event_id uuid not null,
    sequence integer not null,
    order_id uuid not null,
    member_id uuid not null references members (id),
    step text not null,
    primary key (event_id, sequence),
    foreign key (order_id, event_id) references orders (id, event_id)
  );
  create table member_letters (
    fact_id uuid primary key,
    order_id uuid not null,
    sequence integer not null,
    text text not null,
    written_at timestamptz not null default now(),
    number bigint generated always as identity
  );
`;
