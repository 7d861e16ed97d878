import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { databaseNow, RecurringJob } from '../../extension.js';
import { DeliverySchedule } from './delivery-schedule.js';

const BATCH = 5_000;
const BATCHES_PER_RUN = 20;

/** Deletes deliveries that are older than the retention, whatever has become of them. */
@Injectable()
export class PurgeWebhookDeliveriesJob extends RecurringJob {
  protected readonly intervalMs = 60_000;

  constructor(
    private readonly em: EntityManager,
    private readonly times: DeliverySchedule,
  ) {
    super();
  }

  /** @returns how many were deleted, at most 100,000 */
  async runOnce(): Promise<number> {
    const em = this.em.fork();
    const before = (await databaseNow(em)).getTime() - this.times.retentionMs;
    // The ids begin with the time, so the primary key finds them.
    const bound = uuidv7({ msecs: before, seq: 0, random: new Uint8Array(16) });
    return this.runBatches(BATCH, BATCHES_PER_RUN, async () => {
      const { numAffectedRows } = await sql`
        delete from webhook_deliveries where id in (
          select id from webhook_deliveries where id < ${bound}::uuid order by id limit ${BATCH})
      `.execute(em.getKysely());
      return Number(numAffectedRows);
    });
  }
}
