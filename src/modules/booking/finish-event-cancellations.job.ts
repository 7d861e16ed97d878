import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { RecurringJob } from '../../platform/jobs/recurring-job.js';
import { Event } from '../events/index.js';
import { BookingService } from './booking.service.js';

const BATCH = 20;

/** Cancels the orders that a crash in the middle of an event's cancellation has left alive. */
@Injectable()
export class FinishEventCancellationsJob extends RecurringJob {
  protected readonly intervalMs = 30_000;

  constructor(
    private readonly em: EntityManager,
    private readonly booking: BookingService,
  ) {
    super();
  }

  /** @returns how many events were finished, at most BATCH */
  async runOnce(): Promise<number> {
    const events = await this.em.fork().find(Event, { hasOrdersToCancel: true }, { fields: ['id'], limit: BATCH });
    for (const { id } of events) await this.booking.cancelOrdersOfEvent(id, 'system');
    return events.length;
  }
}
