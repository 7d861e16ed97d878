import { Migration } from '@mikro-orm/migrations';

export class Migration20261124080000_add_holds extends Migration {
  override up(): void {
    this.addSql(`
      alter table orders add column payment_reference text check (char_length(payment_reference) between 1 and 200);
      update orders set expires_at = null where status in ('confirmed', 'cancelled');
      alter table orders drop constraint orders_hold_has_end;
      alter table orders add constraint orders_only_holds_end check ((status in ('held', 'expired')) = (expires_at is not null));
      create index orders_holds_idx on orders (expires_at, event_id) where status = 'held';
      create index orders_holds_of_event_idx on orders (event_id, expires_at) where status = 'held';

      alter table order_history add column step text;
      update order_history set step = case
        when from_status is null and to_status = 'held' then 'hold'
        when from_status is null then 'book'
        when from_status = 'held' and to_status = 'held' then 'extend'
        when from_status = 'confirmed' and to_status = 'confirmed' then 'cancel-partly'
        when from_status = 'expired' then 'revive'
        when to_status = 'confirmed' then 'confirm'
        when to_status = 'expired' then 'expire'
        else 'cancel' end;
      alter table order_history alter column step set not null;
      alter table order_history drop constraint order_history_known_transition;
      alter table order_history add constraint order_history_known_transition check (
        (coalesce(from_status, 'none'), step, to_status) in (
          ('none', 'hold', 'held'), ('none', 'book', 'confirmed'),
          ('held', 'confirm', 'confirmed'), ('held', 'extend', 'held'), ('held', 'cancel-partly', 'held'),
          ('held', 'cancel', 'cancelled'), ('held', 'expire', 'expired'),
          ('confirmed', 'cancel-partly', 'confirmed'), ('confirmed', 'cancel', 'cancelled'),
          ('expired', 'revive', 'confirmed')
        )
      );
      comment on column order_history.step is 'What happened; extending and partial cancellation do not change the state.';
    `);
  }

  override down(): void {
    this.addSql(`
      alter table order_history drop constraint order_history_known_transition;
      alter table order_history add constraint order_history_known_transition check (
        (coalesce(from_status, 'none'), to_status) in (
          ('none', 'held'), ('none', 'confirmed'),
          ('held', 'held'), ('held', 'confirmed'), ('held', 'cancelled'), ('held', 'expired'),
          ('confirmed', 'confirmed'), ('confirmed', 'cancelled'),
          ('expired', 'confirmed')
        )
      );
      alter table order_history drop column step;
      drop index orders_holds_of_event_idx;
      drop index orders_holds_idx;
      alter table orders drop constraint orders_only_holds_end;
      alter table orders add constraint orders_hold_has_end check (status not in ('held', 'expired') or expires_at is not null);
      alter table orders drop column payment_reference;
    `);
  }
}
