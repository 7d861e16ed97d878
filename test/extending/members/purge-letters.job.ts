import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { RecurringJob } from '../../../src/extension.js';

/** Deletes letters after a year, a bounded number at a time. It runs on every instance, which does no harm. */
@Injectable()
export class PurgeLettersJob extends RecurringJob {
  protected readonly intervalMs = 60_000;

  constructor(private readonly em: EntityManager) {
    super();
  }

  async runOnce(): Promise<void> {
    await sql`
      delete from member_letters where fact_id in (
        select fact_id from member_letters where written_at < now() - interval '1 year' limit 1000)
    `.execute(this.em.fork().getKysely());
  }
}
