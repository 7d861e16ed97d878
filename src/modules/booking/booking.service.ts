import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import type { DomainError } from '../../platform/errors/domain-error.js';
import type { Answer } from '../../platform/idempotency/answer.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { Event, type EventDto, eventNotFound } from '../events/index.js';
import { Order, type OrderDto, orderNotFound } from '../orders/index.js';
import type { BookingDto, CancelOrderDto } from './booking.dto.js';
import { BookingTurn } from './booking-turn.js';
import type { InventoryCommand } from './commands.js';
import { loadTurn } from './turn-loader.js';
import { writeTurn } from './turn-writer.js';

/** How many orders of a cancelled event are cancelled in one transaction: bounds its memory and the time of the lock. */
const CANCELLATION_BATCH = 500;

/** What a command came to: its answer, or why it was refused. */
export type Outcome = Answer | DomainError;

/**
 * Every change of the inventory. Each is a command of one event; the commands of a turn share one transaction of four
 * phases (lock, load, decide, write) under the lock of the event row, and commit or vanish together.
 */
@Injectable()
export class BookingService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
  ) {}

  /** @throws DomainError as documented at the route; nothing was booked then */
  book(eventId: string, dto: BookingDto, actor: string, request: IdempotentRequest): Promise<Answer<OrderDto>> {
    return this.run<OrderDto>(eventId, {
      kind: 'book',
      actor,
      request,
      orderId: uuidv7(),
      items: dto.items.map(({ ticketTypeId, quantity }) => ({ ticketTypeId: ticketTypeId.toLowerCase(), quantity })),
      customer: { email: dto.customer.email, name: dto.customer.name ?? null },
      metadata: dto.metadata ?? {},
    });
  }

  async cancelOrder(
    orderId: string,
    dto: CancelOrderDto,
    actor: string,
    request: IdempotentRequest | null,
  ): Promise<Answer<OrderDto>> {
    // An order never changes its event, so this may be read before the lock.
    const order = await this.retry.read(() => this.em.fork().findOne(Order, orderId, { fields: ['eventId'] }));
    if (!order) throw orderNotFound(orderId);
    return this.run<OrderDto>(order.eventId, { kind: 'cancel-order', actor, request, orderId, reason: dto.reason ?? null });
  }

  /**
   * Takes the event off sale in one commit, then cancels its orders in batches. A crash in between leaves a cancelled event
   * with live orders, which {@link cancelOrdersOfEvent} finishes, called by a repeat of this or by the background job.
   */
  async cancelEvent(eventId: string, actor: string, request: IdempotentRequest | null): Promise<Answer<EventDto>> {
    const answer = await this.run<EventDto>(eventId, { kind: 'cancel-event', actor, request });
    await this.cancelOrdersOfEvent(eventId, actor);
    return answer;
  }

  async cancelOrdersOfEvent(eventId: string, actor: string): Promise<void> {
    for (;;) {
      const { body } = await this.run<{ finished: boolean }>(eventId, {
        kind: 'cancel-orders-of-event',
        actor,
        request: null,
        limit: CANCELLATION_BATCH,
      });
      if (body.finished) return;
    }
  }

  private async run<T>(eventId: string, command: InventoryCommand): Promise<Answer<T>> {
    const [outcome] = await this.runTurn(eventId, [command]);
    if (outcome instanceof Error) throw outcome;
    return outcome as Answer<T>;
  }

  /** Runs the commands, all of the same event, in their order. A refused one changes nothing; the others commit together. */
  private runTurn(eventId: string, commands: readonly InventoryCommand[]): Promise<Outcome[]> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await em.findOne(Event, eventId, { lockMode: LockMode.PESSIMISTIC_WRITE, disableIdentityMap: true });
        if (!event) throw eventNotFound(eventId);
        const turn = new BookingTurn(event, await loadTurn(em, event, commands));
        const outcomes = commands.map((command) => turn.decide(command));
        await writeTurn(em, event, turn.writes);
        return outcomes;
      });
    // Without a key too: to cancel what is cancelled already answers the same.
    return this.retry.run(work, { recognisesItsOwnCommit: true });
  }
}
