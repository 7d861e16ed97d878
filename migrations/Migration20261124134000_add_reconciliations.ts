import { Migration } from '@mikro-orm/migrations';

export class Migration20261124134000_add_reconciliations extends Migration {
  override up(): void {
    this.addSql(`
      create table reconciliations (
        id uuid primary key,
        repairs boolean not null,
        started_at timestamptz(3) not null,
        heartbeat_at timestamptz(3) not null check (heartbeat_at >= started_at),
        finished_at timestamptz(3) check (finished_at >= started_at),
        outcome text check (outcome in ('complete', 'failed')),
        events_checked integer not null default 0 check (events_checked >= 0),
        events_failed integer not null default 0 check (events_failed >= 0),
        drifts integer not null default 0,
        repaired integer not null default 0 check (repaired >= 0),
        findings jsonb not null default '[]' check (jsonb_typeof(findings) = 'array'),
        constraint reconciliations_finished_with_outcome check ((finished_at is null) = (outcome is null)),
        constraint reconciliations_repaired_what_drifted check (repaired <= drifts)
      );
      comment on table reconciliations is 'Runs that recomputed every count from the orders. The last complete one says whether there was drift.';
      comment on column reconciliations.heartbeat_at is 'Last sign of life; a run without one for minutes is given up and another may begin.';
      comment on column reconciliations.drifts is 'How many counts, sequences and totals were not what the orders say.';
      comment on column reconciliations.findings is 'The first of them.';
      create unique index reconciliations_one_at_a_time on reconciliations ((true)) where finished_at is null;
      create index reconciliations_started_at_idx on reconciliations (started_at);
    `);
  }

  override down(): void {
    this.addSql('drop table reconciliations;');
  }
}
