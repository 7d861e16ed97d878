-- Orders, their items and their history by ranges of event_id, whose first 48 bits are the time (UUIDv7) at which the event
-- was made: the tables of today become the first partition as they are, without a copy; events from :cut on go to the second.
-- A rehearsal for a maintenance window (docs/scaling.md): it locks the three tables, and validates five foreign keys.
begin;

-- Nobody has such ids yet. Added NOT VALID and validated before the window, they spare the scan of the rows below.
alter table orders add constraint orders_range check (event_id < :'cut');
alter table order_items add constraint order_items_range check (event_id < :'cut');
alter table order_history add constraint order_history_range check (event_id < :'cut');

-- Of the partitioned tables from here on.
alter table order_items drop constraint order_items_order_fkey, drop constraint order_items_ticket_type_fkey;
alter table order_history drop constraint order_history_order_fkey;
alter table voucher_redemptions drop constraint voucher_redemptions_order_fkey;
alter table orders drop constraint orders_event_fkey;

alter table orders rename to orders_first;
alter table order_items rename to order_items_first;
alter table order_history rename to order_history_first;

create table orders (like orders_first including all excluding indexes) partition by range (event_id);
create table order_items (like order_items_first including all excluding indexes) partition by range (event_id);
create table order_history (like order_history_first including all excluding indexes) partition by range (event_id);
alter table orders drop constraint orders_range;
alter table order_items drop constraint order_items_range;
alter table order_history drop constraint order_history_range;

-- The indexes of the first partitions are found by their definitions and become parts of these.
alter table orders add primary key (id, event_id);
alter table orders add constraint orders_by_sequence unique (event_id, sequence);
create index orders_by_created_at on orders (created_at, id);
create index orders_by_event_created_at on orders (event_id, created_at, id);
create index orders_by_customer on orders (customer_key, event_id);
create index orders_by_customer_subject on orders (customer_subject, created_at, id) where customer_subject is not null;
create index orders_of_holds on orders (expires_at, event_id) where status = 'held';
create index orders_of_holds_of_event on orders (event_id, expires_at) where status = 'held';
alter table order_items add primary key (order_id, ticket_type_id, event_id);
alter table order_items add constraint order_items_by_position unique (order_id, position, event_id);
create index order_items_by_ticket_type on order_items (event_id, ticket_type_id);
alter table order_history add primary key (event_id, sequence);
create index order_history_by_order on order_history (order_id, sequence);

alter table orders attach partition orders_first for values from (minvalue) to (:'cut');
alter table order_items attach partition order_items_first for values from (minvalue) to (:'cut');
alter table order_history attach partition order_history_first for values from (minvalue) to (:'cut');
create table orders_second partition of orders for values from (:'cut') to (maxvalue);
create table order_items_second partition of order_items for values from (:'cut') to (maxvalue);
create table order_history_second partition of order_history for values from (:'cut') to (maxvalue);

alter table orders add constraint orders_event_fkey foreign key (event_id, currency) references events (id, currency);
alter table order_items add constraint order_items_order_fkey foreign key (order_id, event_id) references orders (id, event_id);
alter table order_items add constraint order_items_ticket_type_fkey
  foreign key (event_id, ticket_type_id) references ticket_types (event_id, id);
alter table order_history add constraint order_history_order_fkey foreign key (order_id, event_id) references orders (id, event_id);
alter table voucher_redemptions add constraint voucher_redemptions_order_fkey
  foreign key (order_id, event_id) references orders (id, event_id);

commit;
