import { Migration } from '@mikro-orm/migrations';

export class Migration20261124120000_add_rate_limits extends Migration {
  override up(): void {
    this.addSql(`
      create unlogged table rate_limits (
        key text primary key,
        points integer not null default 0,
        expire bigint
      );
      comment on table rate_limits is 'Requests of callers in the current minute, where RATE_LIMIT_STORE=postgres. May be lost: no log is written.';
    `);
  }

  override down(): void {
    this.addSql('drop table rate_limits;');
  }
}
