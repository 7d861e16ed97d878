import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { STATEMENT_TIME } from '../../platform/database/clock.js';
import { RecurringJob } from '../../platform/jobs/recurring-job.js';
import { BookingService } from './booking.service.js';

const EVENTS_PER_RUN = 100;

/**
 * Stores the expiry of holds. Nothing waits for it: a hold past its end is shown as expired at once, and a booking that is
 * short of tickets takes it back itself. On every instance; an event whose lock another transaction has is left to the next run.
 */
@Injectable()
export class ExpireHoldsJob extends RecurringJob {
  protected readonly intervalMs = 3_000;

  constructor(
    private readonly em: EntityManager,
    private readonly booking: BookingService,
  ) {
    super();
  }

  /** @returns how many holds expired, at most 500 per event and 100 events */
  async runOnce(): Promise<number> {
    // Not clock_timestamp(), whose every call may differ: no index could be asked for it.
    const events = await this.em.fork().execute<Array<{ event_id: string }>>(
      `select event_id from (select distinct event_id from orders where status = 'held' and expires_at <= ${STATEMENT_TIME}) overdue
        order by random() limit ${EVENTS_PER_RUN}`,
    );
    let expired = 0;
    for (const { event_id: eventId } of events) expired += await this.booking.expireHolds(eventId);
    return expired;
  }
}
