import type { EntityManager } from '@mikro-orm/postgresql';
import type { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { type Outcome, BookingTurn } from './booking-turn.js';
import type { BookCommand, InventoryCommand } from './commands.js';
import type { BookingExtensions } from './extensions/booking-extensions.js';
import { type BookingRules, isEmpty } from './turn-ledger.js';
import { loadSnapshot } from './turn-loader.js';

/** Most events that are remembered as exhausted; what is forgotten costs one turn under the lock. */
const EVENTS_MAX = 10_000;

/**
 * Refuses bookings of an exhausted event (its last turn accepted none) from one plain read, without its lock, a connection
 * kept busy or a transaction. That an event is exhausted is only a reason to look: what is answered is what the read found,
 * which began after the bookings came. As soon as one of them could be accepted, all of them go the way of the lock.
 */
export class PlainRefusals {
  private readonly exhausted = new Set<string>();

  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly rules: BookingRules,
    private readonly extensions: BookingExtensions,
  ) {}

  /** @returns an outcome for each command; null when the lock is needed */
  async decide(eventId: string, commands: readonly InventoryCommand[]): Promise<Outcome[] | null> {
    if (!this.exhausted.has(eventId) || !areBookings(commands)) return null;
    const snapshot = await this.retry.read(() => loadSnapshot(this.em.fork(), eventId, commands, this.extensions.all));
    // What is remembered is answered by a transaction only, whose COMMIT waits for the standby.
    if (!snapshot || snapshot.loaded.remembered.size > 0) return null;
    const turn = new BookingTurn(snapshot.event, snapshot.loaded, this.rules);
    const outcomes = commands.map((command) => turn.decide(command));
    return isEmpty(turn.writes) ? outcomes : null;
  }

  /** @param wrote whether the turn changed anything */
  learn(eventId: string, commands: readonly InventoryCommand[], wrote: boolean): void {
    this.exhausted.delete(eventId);
    if (wrote || !areBookings(commands)) return;
    this.exhausted.add(eventId);
    if (this.exhausted.size > EVENTS_MAX) this.exhausted.delete(this.exhausted.values().next().value!);
  }
}

function areBookings(commands: readonly InventoryCommand[]): commands is readonly BookCommand[] {
  return commands.every(({ kind }) => kind === 'book');
}
