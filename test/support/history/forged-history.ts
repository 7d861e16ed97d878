import type { Answer, Call, Command, Items, ShownOrder } from './calls.js';
import { checkHistory } from './checker.js';
import type { StoredEvent, StoredOrder } from './stored.js';

const EVENT = 'event';
const PRICE = 100;
/** What the clock of the database says when that of the calls begins. */
const START = 1_790_000_000_000;

/** A true history of one event with 11 tickets, one call after the other; what a test then forges is its own. */
export class ForgedHistory {
  readonly calls: Call[] = [];
  readonly event: StoredEvent = {
    id: EVENT,
    sequence: 0,
    ticketTypes: [{ id: 'seat', price: PRICE, capacity: 11, held: 0, sold: 0 }],
    orders: [],
    lines: [],
  };
  private now = 0;

  get seats() {
    return this.event.ticketTypes[0]!;
  }

  order(id: string): StoredOrder {
    return this.event.orders.find((order) => order.id === id)!;
  }

  call(key: string): Call {
    return this.calls.find((call) => call.key === key)!;
  }

  shown(key: string): ShownOrder {
    return (this.call(key).answer as { order: ShownOrder }).order;
  }

  /** Books `order-<key>`. */
  book(key: string, quantity: number, holdSeconds: number | null = null): this {
    const items = [{ ticketTypeId: 'seat', quantity }];
    const command: Command = { do: 'book', items, holdSeconds };
    this.bookRow(`order-${key}`, key, quantity, holdSeconds);
    return this.record(key, command, this.success(201, `order-${key}`));
  }

  /** The rows of a booking, without a call. */
  bookRow(id: string, key: string | null, quantity: number, holdSeconds: number | null = null): this {
    const status = holdSeconds === null ? 'confirmed' : 'held';
    this.line(id, status === 'held' ? 'hold' : 'book', null, status);
    this.event.orders.push({
      ...{ id, sequence: this.event.sequence, status, version: 1, total: quantity * PRICE, key, ended: null },
      items: [{ ticketTypeId: 'seat', quantity }],
      expiresAt: holdSeconds === null ? null : this.lineAt + holdSeconds * 1000,
    });
    this.seats[status === 'held' ? 'held' : 'sold'] += quantity;
    return this;
  }

  confirm(key: string, orderId: string): this {
    this.seats.held -= this.quantity(orderId);
    this.seats.sold += this.quantity(orderId);
    this.step(orderId, 'confirm', 'confirmed');
    return this.record(key, confirmation(orderId), this.success(200, orderId));
  }

  /** A confirmation of an expired hold; its expiry is written with it, unless it has been before. */
  revive(key: string, orderId: string): this {
    if (this.order(orderId).status === 'held') this.expireRow(orderId);
    this.seats.sold += this.quantity(orderId);
    this.step(orderId, 'revive', 'confirmed');
    return this.showing(key, confirmation(orderId, true), orderId);
  }

  /** A confirmation of an expired hold that is refused for want of tickets. */
  reviveInVain(key: string, orderId: string): this {
    const shortages = [{ ticketTypeId: 'seat', requested: this.quantity(orderId), available: this.available }];
    return this.refuse(key, confirmation(orderId, true), { code: 'hold-expired', shortages });
  }

  /** A second confirmation, which changes nothing. */
  confirmAgain(key: string, orderId: string): this {
    return this.showing(key, confirmation(orderId), orderId);
  }

  cancel(key: string, orderId: string): this {
    this.seats[this.order(orderId).status === 'held' ? 'held' : 'sold'] -= this.quantity(orderId);
    this.step(orderId, 'cancel', 'cancelled');
    return this.record(key, { do: 'cancel', orderId, items: null }, this.success(200, orderId));
  }

  cancelPartly(key: string, orderId: string, quantity: number): this {
    this.giveBackRow(orderId, quantity);
    const items = [{ ticketTypeId: 'seat', quantity }];
    return this.record(key, { do: 'cancel', orderId, items }, this.success(200, orderId));
  }

  /** The rows of a partial cancellation, without a call. */
  giveBackRow(orderId: string, quantity: number): this {
    const order = this.order(orderId);
    order.items = [{ ticketTypeId: 'seat', quantity: this.quantity(orderId) - quantity }];
    order.total = this.quantity(orderId) * PRICE;
    this.seats.sold -= quantity;
    return this.step(orderId, 'cancel-partly', order.status);
  }

  extend(key: string, orderId: string, seconds: number): this {
    this.step(orderId, 'extend', 'held');
    this.order(orderId).expiresAt = this.lineAt + seconds * 1000;
    return this.showing(key, { do: 'extend', orderId, seconds }, orderId);
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  /** Somebody lets the hold end at this moment. */
  end(orderId: string): this {
    const order = this.order(orderId);
    this.now += 1;
    order.ended = { version: order.version, at: START + this.now };
    order.expiresAt = START + this.now;
    return this;
  }

  /** At its end, the line of its expiry. */
  expire(orderId: string): this {
    this.now = Math.max(this.now, this.order(orderId).expiresAt! - START);
    return this.expireRow(orderId);
  }

  /** The rows of an expiry at this moment. */
  expireRow(orderId: string): this {
    this.seats.held -= this.quantity(orderId);
    return this.step(orderId, 'expire', 'expired');
  }

  /** An answer that shows an order as it is, whatever was asked. */
  showing(key: string, command: Command, orderId: string, status = 200): this {
    return this.record(key, command, this.success(status, orderId));
  }

  read(key: string, orderId: string): this {
    return this.showing(key, { do: 'read', orderId }, orderId);
  }

  /** Reads a hold past its end, whose expiry is not written. */
  readExpired(key: string, orderId: string): this {
    this.read(key, orderId);
    Object.assign(this.shown(key), { status: 'expired', version: this.order(orderId).version + 1 });
    return this;
  }

  soldOut(key: string, requested: number): this {
    const command: Command = { do: 'book', items: [{ ticketTypeId: 'seat', quantity: requested }], holdSeconds: null };
    return this.refuse(key, command, {
      code: 'sold-out',
      shortages: [{ ticketTypeId: 'seat', requested, available: this.available }],
    });
  }

  refuse(
    key: string,
    command: Command,
    refusal: {
      code: string;
      orderStatus?: string;
      shortages?: Array<{ ticketTypeId: string; requested: number; available: number }>;
    },
    status = 409,
  ): this {
    return this.record(key, command, { status, refusal: { orderStatus: null, shortages: [], ...refusal } });
  }

  unanswered(key: string, command: Command): this {
    const now = ++this.now;
    this.calls.push({
      ...{ eventId: EVENT, key, command, hasOpenAttempts: true, answer: null },
      ...{ invokedAt: now, attemptedAt: now, completedAt: null },
    });
    return this;
  }

  violations() {
    return checkHistory(this.event, this.calls);
  }

  rules(): string[] {
    return [...new Set(this.violations().map(({ rule }) => rule))].toSorted();
  }

  private get available(): number {
    return this.seats.capacity - this.seats.held - this.seats.sold;
  }

  private quantity(orderId: string): number {
    return this.order(orderId).items[0]!.quantity;
  }

  private step(orderId: string, step: string, to: string): this {
    const order = this.order(orderId);
    this.line(orderId, step, order.status, to);
    order.status = to;
    order.version += 1;
    if (to === 'confirmed' || to === 'cancelled') order.expiresAt = null;
    return this;
  }

  /** When the call that comes next has its line. */
  private get lineAt(): number {
    return START + this.now + 1;
  }

  private line(orderId: string, step: string, from: string | null, to: string): void {
    this.event.sequence += 1;
    this.event.lines.push({ sequence: this.event.sequence, orderId, step, from, to, at: this.lineAt });
  }

  private success(status: number, orderId: string): Answer {
    const { key: _key, ended: _ended, ...order } = this.order(orderId);
    return { status, order: structuredClone(order) };
  }

  private record(key: string, command: Command, answer: Answer): this {
    const now = ++this.now;
    this.calls.push({
      ...{ eventId: EVENT, key, command, hasOpenAttempts: false, answer },
      ...{ invokedAt: now, attemptedAt: now, completedAt: ++this.now },
    });
    return this;
  }
}

export const items = (quantity: number): Items => [{ ticketTypeId: 'seat', quantity }];
export const booking = (quantity: number): Command => ({ do: 'book', items: items(quantity), holdSeconds: null });
export const confirmation = (orderId: string, revive = false): Command => ({ do: 'confirm', orderId, revive });
/** @param quantity what is given back; left out: all of it */
export const cancellation = (orderId: string, quantity?: number): Command => ({
  do: 'cancel',
  orderId,
  items: quantity === undefined ? null : items(quantity),
});

/** Some of everything, all of it true. */
export function trueHistory(): ForgedHistory {
  return new ForgedHistory()
    .book('a', 4)
    .book('b', 3, 600)
    .soldOut('c', 5)
    .cancelPartly('d', 'order-a', 1)
    .book('e', 4)
    .soldOut('f', 2)
    .confirm('g', 'order-b')
    .confirmAgain('h', 'order-b')
    .refuse('i', { do: 'extend', orderId: 'order-b', seconds: 60 }, { code: 'order-not-held', orderStatus: 'confirmed' })
    .cancel('j', 'order-e')
    .book('k', 2, 600)
    .expire('order-k')
    .refuse('l', { do: 'cancel', orderId: 'order-k', items: null }, { code: 'order-not-cancellable', orderStatus: 'expired' })
    .book('m', 3);
}
