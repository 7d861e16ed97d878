import { Migration } from '@mikro-orm/migrations';

/**
 * - The primary key of orders is made anew, after all other indexes of the table. While a table has no statistics every index
 *   looks equally good, and PostgreSQL then takes the youngest: that of an event's orders, all of which each check of a foreign
 *   key read, so that the cost of a booking grew with the orders of its event.
 * - The rows that every booking updates get room on their page, so that the updates are HOT: no index is touched.
 */
export class Migration20261124100000_tune_hot_tables extends Migration {
  override up(): void {
    this.addSql(`
      alter table order_items drop constraint order_items_order_fkey;
      alter table order_history drop constraint order_history_order_fkey;
      alter table orders drop constraint orders_pkey;
      alter table orders add primary key (id, event_id);
      alter table order_items add constraint order_items_order_fkey foreign key (order_id, event_id) references orders (id, event_id);
      alter table order_history add constraint order_history_order_fkey foreign key (order_id, event_id) references orders (id, event_id);
      alter table events set (fillfactor = 50);
      alter table ticket_types set (fillfactor = 50);
    `);
  }

  override down(): void {
    this.addSql(`
      alter table ticket_types reset (fillfactor);
      alter table events reset (fillfactor);
    `);
  }
}
