import { Migration } from '@mikro-orm/migrations';

export class Migration20261124135000_add_audit_log extends Migration {
  override up(): void {
    this.addSql(`
      create table audit_log (
        id uuid primary key,
        at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
        actor text not null check (char_length(actor) between 1 and 260),
        action text not null check (char_length(action) <= 60 and action ~ '^[a-z]+(-[a-z]+)*\\.[a-z]+(-[a-z]+)*$'),
        target_type text not null check (char_length(target_type) <= 40 and target_type ~ '^[a-z]+(-[a-z]+)*$'),
        target_id uuid not null,
        event_id uuid,
        request_id text check (char_length(request_id) between 1 and 128),
        before jsonb check (jsonb_typeof(before) = 'object'),
        after jsonb check (jsonb_typeof(after) = 'object')
      );
      comment on table audit_log is 'Who changed what: one row per change by staff, written by the transaction of the change. A trigger refuses every other change of it.';
      comment on column audit_log.target_id is 'No foreign key, here and in event_id: the row outlives what it is about.';
      comment on column audit_log.before is 'What was there; null: it is new. Holds no secret, and nothing that tells who a customer is.';
      comment on column audit_log.after is 'What is there now; null: it is gone.';
      create index audit_log_at_idx on audit_log (at, id);
      create index audit_log_target_idx on audit_log (target_id, at, id);
      create index audit_log_event_idx on audit_log (event_id, at, id) where event_id is not null;
      create index audit_log_actor_idx on audit_log (actor, at, id);

      create function refuse_change_of_audit_log() returns trigger language plpgsql as $$
      begin
        raise exception 'The audit log is append-only: % is refused.', tg_op using errcode = 'insufficient_privilege';
      end $$;
      create trigger audit_log_is_append_only before update or delete or truncate on audit_log
        for each statement execute function refuse_change_of_audit_log();
    `);
  }

  override down(): void {
    this.addSql('drop table audit_log;');
    this.addSql('drop function refuse_change_of_audit_log();');
  }
}
