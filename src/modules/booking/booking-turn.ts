import { DomainError } from '../../platform/errors/domain-error.js';
import { Answer } from '../../platform/idempotency/answer.js';
import type { IdempotentRequest } from '../../platform/idempotency/idempotency-key.js';
import { keyOf, type Remembered, replay } from '../../platform/idempotency/idempotency.store.js';
import { type Event, EventCancelled, type EventDto, eventFact, toEventDto } from '../events/index.js';
import type { CancelOrdersOfEventCommand, InventoryCommand } from './commands.js';
import { decideBooking } from './decide-booking.js';
import { decideCancellation, decideConfirmation, decideExtension } from './decide-orders.js';
import { auditOf } from './turn-audit.js';
import { ExtensionFailure } from './extensions/turn-extensions.js';
import { jsonOf } from './json.js';
import { type BookingRules, TurnLedger, type TurnWrites } from './turn-ledger.js';
import type { LoadedTurn } from './turn-loader.js';

/** What a command came to: its answer, or why it was refused, or what failed in deciding it. */
export type Outcome = Answer | DomainError | ExtensionFailure;

/**
 * Decides the commands of one event, one after the other, on what was loaded under its lock: pure and synchronous.
 * First it takes back the holds past their end that the load found to stand in the way.
 * A refused command leaves no trace: all its checks come before its first change.
 */
export class BookingTurn {
  private readonly ledger: TurnLedger;
  private readonly remembered: Map<string, Remembered>;

  constructor(event: Event, loaded: LoadedTurn, rules: BookingRules) {
    this.ledger = new TurnLedger(event, loaded, rules);
    this.remembered = new Map(loaded.remembered);
    for (const id of loaded.overdueHolds) this.ledger.expire(this.ledger.order(id));
  }

  get writes(): TurnWrites {
    return this.ledger.writes;
  }

  /** The answer of the command, or why it is refused. A repeat gets the answer of its original, of this turn or an earlier one. */
  decide(command: InventoryCommand): Outcome {
    try {
      const record = command.request && this.remembered.get(keyOf(command.request));
      if (command.request && record) return replay(record, command.request);
      const audit = auditOf(this.ledger, command);
      const answer = this.execute(command);
      const change = audit();
      if (change) this.writes.auditedChanges.push(change);
      if (command.request) this.remember(command.request, answer);
      return answer;
    } catch (error) {
      if (error instanceof DomainError || error instanceof ExtensionFailure) return error;
      throw error;
    }
  }

  private execute(command: InventoryCommand): Answer {
    const { ledger } = this;
    switch (command.kind) {
      case 'book':
        return new Answer(201, ledger.show(decideBooking(ledger, command)));
      case 'confirm':
        return new Answer(200, ledger.show(decideConfirmation(ledger, command)));
      case 'extend':
        return new Answer(200, ledger.show(decideExtension(ledger, command)));
      case 'cancel-order':
        return new Answer(200, ledger.show(decideCancellation(ledger, command)));
      case 'cancel-event':
        return new Answer(200, this.cancelEvent());
      case 'cancel-orders-of-event':
        return new Answer(200, this.cancelOrdersOfEvent(command));
      case 'expire-holds':
        return new Answer(200, { expired: ledger.loaded.overdueHolds.length });
    }
  }

  private remember(request: IdempotentRequest, answer: Answer): void {
    const { caller, key, fingerprint } = request;
    const record = { caller, key, fingerprint, status: answer.status, body: jsonOf(answer.body as object) };
    this.remembered.set(keyOf(request), record);
    this.writes.records.push(record);
  }

  private cancelEvent(): EventDto {
    const { event, loaded, now } = this.ledger;
    const changed = event.cancel(now);
    this.writes.eventChanged = true;
    const dto = toEventDto(event, [...loaded.ticketTypes.values()]);
    if (changed) this.writes.domainEvents.push(eventFact(EventCancelled, dto, now));
    return dto;
  }

  private cancelOrdersOfEvent(command: CancelOrdersOfEventCommand): { finished: boolean } {
    const { event, loaded, now } = this.ledger;
    for (const id of loaded.ordersToCancel) {
      const order = this.ledger.order(id);
      if (order.isOverdue(now)) this.ledger.expire(order);
      else this.ledger.cancel(order, 'event-cancelled', command.actor);
    }
    const finished = loaded.ordersToCancel.length < command.limit;
    if (finished) event.hasOrdersToCancel = false;
    this.writes.eventChanged = true;
    return { finished };
  }
}
