import type { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';

/** The erasure of one person, as those who hold data about them see it. */
export interface Erasure {
  /** Their `sub`, when it is by this that they are erased; all that they did with a token of their own then goes too. */
  readonly subject: string | null;
  /** Actors and callers that they were, and what stands in their place: `user:ada` and `user:erased-…`. */
  readonly actors: ReadonlyMap<string, string>;
  /** JSON in which every order of theirs is without the person; all else stays. A value that shows no such order comes back as it is. */
  withoutPerson(json: unknown): unknown;
}

/** Orders of one event. */
export interface OrdersOfEvent {
  readonly eventId: string;
  readonly orderIds: readonly string[];
}

/**
 * Keeps personal data in tables of its own, and erases it. A module registers itself with {@link PersonalDataHolders} at its
 * `onModuleInit`. docs/personal-data.md has a line for each table.
 */
export interface PersonalDataHolder {
  /**
   * Erases what is kept about these orders, of which there are some hundreds at most: in the transaction that replaces their
   * customer, under the lock of their event. For what is found by order.
   */
  eraseOrders?(em: EntityManager, orders: OrdersOfEvent, erasure: Erasure): Promise<void>;

  /**
   * Erases the rest, once no order names the person: in bounded transactions of its own, without the lock of any event.
   * May run again, after a crash, for what it has done already.
   */
  eraseRest?(orders: readonly OrdersOfEvent[], erasure: Erasure): Promise<void>;
}

/** Everybody who holds personal data besides the orders. */
@Injectable()
export class PersonalDataHolders implements Required<PersonalDataHolder> {
  private readonly holders: PersonalDataHolder[] = [];

  register(holder: PersonalDataHolder): void {
    this.holders.push(holder);
  }

  async eraseOrders(em: EntityManager, orders: OrdersOfEvent, erasure: Erasure): Promise<void> {
    // One after the other: they share a transaction.
    for (const holder of this.holders) await holder.eraseOrders?.(em, orders, erasure);
  }

  async eraseRest(orders: readonly OrdersOfEvent[], erasure: Erasure): Promise<void> {
    for (const holder of this.holders) await holder.eraseRest?.(orders, erasure);
  }
}
