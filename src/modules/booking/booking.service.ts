import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { ENVIRONMENT } from '../../platform/config/config.module.js';
import type { Environment } from '../../platform/config/environment.js';
import { guardTurn } from '../../platform/database/connection-guard.js';
import { waitForStandbyAtCommit } from '../../platform/database/replication.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { Answer } from '../../platform/idempotency/answer.js';
import { Event, type EventDto, eventNotFound, ExpiredHolds } from '../events/index.js';
import { Order, type OrderDto, orderNotFound, ownedBy } from '../orders/index.js';
import type { BookingDto, BookingItemDto, CancelOrderDto, ConfirmOrderDto, ExtendHoldDto } from './booking.dto.js';
import { BookingTurn, type Outcome } from './booking-turn.js';
import type { ExpireHoldsCommand, InventoryCommand, Origin } from './commands.js';
import { EventLanes, type LaneLimits } from './event-lanes.js';
import { BookingExtensions } from './extensions/booking-extensions.js';
import { LaneMetrics } from './metrics/lane-metrics.js';
import { PlainRefusals } from './plain-refusals.js';
import { type BookingRules, isEmpty } from './turn-ledger.js';
import { type LoadedTurn, loadTurn } from './turn-loader.js';
import { writeTurn } from './turn-writer.js';

/** How many orders of a cancelled event are cancelled in one transaction: bounds its memory and the time of the lock. */
const CANCELLATION_BATCH = 500;

/** From here on a turn is told in the log, with the extensions that took its time. */
const SLOW_TURN_MS = 1_000;

/** How many holds of one event the sweeper expires in one transaction. */
const EXPIRY_BATCH = 500;
const EXPIRE_HOLDS: ExpireHoldsCommand = {
  kind: 'expire-holds',
  actor: 'system',
  owner: null,
  request: null,
  limit: EXPIRY_BATCH,
};

/**
 * Every change of the inventory. Each is a command of one event; the commands of a turn share one transaction of four
 * phases (lock, load, decide, write) under the lock of the event row, and commit or vanish together.
 */
@Injectable()
export class BookingService implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(BookingService.name);
  private readonly rules: BookingRules;
  private readonly plainRefusals: PlainRefusals;
  private readonly lanes: EventLanes<InventoryCommand, Outcome | undefined>;

  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly expiredHolds: ExpiredHolds,
    private readonly extensions: BookingExtensions,
    laneMetrics: LaneMetrics,
    @Inject(ENVIRONMENT) environment: Pick<Environment, 'HOLD_MAX_SECONDS'> & LaneLimits,
  ) {
    this.rules = { holdMaxSeconds: environment.HOLD_MAX_SECONDS };
    this.plainRefusals = new PlainRefusals(em, retry, this.rules, extensions);
    this.lanes = new EventLanes(
      environment,
      async (eventId, commands) =>
        (await this.plainRefusals.decide(eventId, commands)) ??
        (await this.runTurn(eventId, commands, LockMode.PESSIMISTIC_WRITE)),
      laneMetrics,
    );
    laneMetrics.watch(() => this.lanes.load);
  }

  onModuleInit(): void {
    // Here, so that an extension that cannot be is told at the start.
    void this.extensions.all;
    this.expiredHolds.register((eventId) => this.takeBackExpiredHolds(eventId));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.lanes.close();
  }

  /** @throws DomainError as documented at the route; nothing was booked then */
  book(eventId: string, dto: BookingDto, origin: Origin): Promise<Answer<OrderDto>> {
    return this.run<OrderDto>(eventId, {
      kind: 'book',
      ...origin,
      orderId: uuidv7(),
      items: itemsOf(dto.items),
      customer: { email: dto.customer.email, name: dto.customer.name ?? null, subject: origin.owner },
      metadata: dto.metadata ?? {},
      holdSeconds: dto.hold?.seconds ?? null,
      body: dto,
    });
  }

  confirm(orderId: string, dto: ConfirmOrderDto, origin: Origin): Promise<Answer<OrderDto>> {
    return this.runOnOrder(orderId, {
      kind: 'confirm',
      ...origin,
      orderId,
      paymentReference: dto.paymentReference ?? null,
      reviveIfAvailable: dto.reviveIfAvailable ?? false,
    });
  }

  extend(orderId: string, dto: ExtendHoldDto, origin: Origin): Promise<Answer<OrderDto>> {
    return this.runOnOrder(orderId, { kind: 'extend', ...origin, orderId, seconds: dto.seconds });
  }

  cancelOrder(orderId: string, dto: CancelOrderDto, origin: Origin): Promise<Answer<OrderDto>> {
    const items = dto.items ? itemsOf(dto.items) : null;
    return this.runOnOrder(orderId, { kind: 'cancel-order', ...origin, orderId, reason: dto.reason ?? null, items });
  }

  /**
   * Takes the event off sale in one commit, then cancels its orders in batches. A crash in between leaves a cancelled event
   * with live orders, which {@link cancelOrdersOfEvent} finishes, called by a repeat of this or by the background job.
   */
  async cancelEvent(eventId: string, origin: Origin): Promise<Answer<EventDto>> {
    const answer = await this.run<EventDto>(eventId, { kind: 'cancel-event', ...origin });
    await this.cancelOrdersOfEvent(eventId, origin.actor);
    return answer;
  }

  async cancelOrdersOfEvent(eventId: string, actor: string): Promise<void> {
    for (;;) {
      const { body } = await this.run<{ finished: boolean }>(eventId, {
        kind: 'cancel-orders-of-event',
        actor,
        owner: null,
        request: null,
        limit: CANCELLATION_BATCH,
      });
      if (body.finished) return;
    }
  }

  /**
   * Stores the expiry of holds of the event that are past their end, a batch at most.
   * @returns how many; 0 also when somebody else has the event's lock, who takes back what he needs himself
   */
  async expireHolds(eventId: string): Promise<number> {
    const [outcome] = await this.runTurn(eventId, [EXPIRE_HOLDS], LockMode.PESSIMISTIC_PARTIAL_WRITE);
    return outcome instanceof Answer ? (outcome.body as { expired: number }).expired : 0;
  }

  /** Waits for the lock of the event, and stores the expiry of all its holds that are past their end. */
  private async takeBackExpiredHolds(eventId: string): Promise<void> {
    for (;;) {
      const { body } = await this.run<{ expired: number }>(eventId, EXPIRE_HOLDS);
      if (body.expired < EXPIRY_BATCH) return;
    }
  }

  private async runOnOrder(orderId: string, command: InventoryCommand): Promise<Answer<OrderDto>> {
    // An order never changes its event, so this may be read before the lock. Its owner is looked at again under it: an erased
    // customer owns nothing any more.
    const where = { id: orderId, ...ownedBy(command.owner) };
    const order = await this.retry.read(() => this.em.fork().findOne(Order, where, { fields: ['eventId'] }));
    if (!order) throw orderNotFound(orderId);
    return this.run<OrderDto>(order.eventId, command);
  }

  private async run<T>(eventId: string, command: InventoryCommand): Promise<Answer<T>> {
    const outcome = await this.lanes.submit(eventId, command, command.gone);
    if (outcome instanceof Answer) return outcome as Answer<T>;
    throw outcome ?? eventNotFound(eventId);
  }

  /**
   * Runs the commands, all of the same event, in their order. A refused one changes nothing; the others commit together.
   * @returns an outcome for each; none when there is no such event, or its row is locked and the mode is not to wait for it
   */
  private runTurn(
    eventId: string,
    commands: readonly InventoryCommand[],
    lockMode: LockMode.PESSIMISTIC_WRITE | LockMode.PESSIMISTIC_PARTIAL_WRITE,
  ): Promise<Outcome[]> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const event = await em.findOne(Event, eventId, { lockMode, disableIdentityMap: true });
        if (!event) return [];
        const startedAt = performance.now();
        const loaded = await loadTurn(em, event, commands, this.extensions.all);
        if (loaded.remembered.size > 0) await waitForStandbyAtCommit(em);
        const turn = new BookingTurn(event, loaded, this.rules);
        const outcomes = commands.map((command) => turn.decide(command));
        await writeTurn(em, event, turn.writes);
        await loaded.extensions.write(em);
        this.plainRefusals.learn(eventId, commands, !isEmpty(turn.writes));
        this.warnIfSlow(eventId, performance.now() - startedAt, loaded);
        return outcomes;
      });
    return this.retry.run(() => guardTurn(work), { recognisesItsOwnCommit: commands.every(canBeRepeated) });
  }

  private warnIfSlow(eventId: string, elapsedMs: number, { extensions }: LoadedTurn): void {
    if (elapsedMs < SLOW_TURN_MS) return;
    const of = extensions.timings();
    this.logger.warn(`A turn of event ${eventId} had its lock for ${Math.round(elapsedMs)} ms; of that ${of}`);
  }
}

function itemsOf(items: readonly BookingItemDto[]) {
  return items.map(({ ticketTypeId, quantity }) => ({ ticketTypeId: ticketTypeId.toLowerCase(), quantity }));
}

/** Whether a second run finds what the first one committed: by its key, or because the state is reached already. */
function canBeRepeated(command: InventoryCommand): boolean {
  if (command.request) return true;
  return command.kind !== 'extend' && !(command.kind === 'cancel-order' && command.items !== null);
}
