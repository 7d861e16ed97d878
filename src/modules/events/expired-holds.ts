import { Injectable } from '@nestjs/common';

type TakeBack = (eventId: string) => Promise<void>;

/**
 * Lets the module that knows orders store the expiry of holds before a smaller capacity, or what a module on top guards, is
 * refused because of them: events know nothing of orders, and a hold past its end must not stand in the way of anything.
 */
@Injectable()
export class ExpiredHolds {
  private takeBackOf: TakeBack | undefined;

  register(takeBack: TakeBack): void {
    this.takeBackOf = takeBack;
  }

  /** Stores the expiry of all holds of the event that are past their end. Not from inside a transaction: it has its own. */
  async takeBack(eventId: string): Promise<void> {
    await this.takeBackOf?.(eventId);
  }
}
