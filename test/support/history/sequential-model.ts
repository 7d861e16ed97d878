import type { Command, Items } from './calls.js';
import type { StoredLine, StoredOrder, StoredTicketType } from './stored.js';

/** What each step needs and leads to. Written down here once more, so that a mistake in the app's own table is seen. */
const STEPS: Record<string, { from: ReadonlyArray<string | null>; to: Record<string, string> }> = {
  book: { from: [null], to: { '': 'confirmed' } },
  hold: { from: [null], to: { '': 'held' } },
  confirm: { from: ['held'], to: { held: 'confirmed' } },
  extend: { from: ['held'], to: { held: 'held' } },
  'cancel-partly': { from: ['held', 'confirmed'], to: { held: 'held', confirmed: 'confirmed' } },
  cancel: { from: ['held', 'confirmed'], to: { held: 'cancelled', confirmed: 'cancelled' } },
  expire: { from: ['held'], to: { held: 'expired' } },
  revive: { from: ['expired'], to: { expired: 'confirmed' } },
};

const COUNTED: Record<string, 'held' | 'sold'> = { held: 'held', confirmed: 'sold' };

export interface OrderState {
  status: string;
  version: number;
  items: Items;
  /** The sequence of its booking. */
  booked: number;
  /** When its hold ends, as it was asked for. */
  expiresAt: number | null;
  /** When it has been let end all the same, in this version. */
  endedAt: number | null;
  /** The version that has set when it ends. */
  timedBy: number;
}

/** When the hold really ends. */
export const endOf = ({ expiresAt, endedAt }: OrderState): number | null => endedAt ?? expiresAt;

interface Counts {
  price: number;
  capacity: number;
  held: number;
  sold: number;
}

/** An answer has the end that was asked for, or the one that it was let end at. */
export const endsAsShown = (state: OrderState, shown: { expiresAt: number | null }): boolean =>
  shown.expiresAt === state.expiresAt || (state.endedAt !== null && shown.expiresAt === state.endedAt);

/** One event as if one person served one customer after the other: no locks, no transactions, and the clock is what the lines say. */
export class SequentialModel {
  readonly counts: Map<string, Counts>;
  readonly orders = new Map<string, OrderState>();

  constructor(ticketTypes: readonly StoredTicketType[]) {
    this.counts = new Map(ticketTypes.map(({ id, price, capacity }) => [id, { price, capacity, held: 0, sold: 0 }]));
  }

  available(ticketTypeId: string): number {
    const { capacity, held, sold } = this.counts.get(ticketTypeId)!;
    return capacity - held - sold;
  }

  /**
   * Does one step of one order.
   * @param command what led to it; null: nothing did, or nobody knows
   * @param ended of the order
   * @returns what is wrong with it, if anything; it is done all the same, so that one mistake is one complaint
   */
  apply(line: StoredLine, command: Command | null, ended: StoredOrder['ended']): string[] {
    const before = this.orders.get(line.orderId);
    const after = stateAfter(before, line, command, ended);
    if (before) this.count(before, -1);
    this.count(after, 1);
    this.orders.set(line.orderId, after);
    const tooMany = after.items.filter(({ ticketTypeId }) => this.available(ticketTypeId) < 0);
    return [
      ...wrongInStep(before, line),
      ...wrongInTime(before, line),
      ...wrongInItems(before, line, command),
      ...tooMany.map(({ ticketTypeId }) => `${-this.available(ticketTypeId)} tickets of ${ticketTypeId} too many`),
    ];
  }

  total({ items }: OrderState): number {
    return items.reduce((sum, { ticketTypeId, quantity }) => sum + quantity * (this.counts.get(ticketTypeId)?.price ?? NaN), 0);
  }

  private count({ status, items }: OrderState, sign: 1 | -1): void {
    const counter = COUNTED[status];
    if (counter === undefined) return;
    for (const { ticketTypeId, quantity } of items) this.counts.get(ticketTypeId)![counter] += sign * quantity;
  }
}

/** The order after one step more, whether or not the model allows it. */
export function stateAfter(
  before: OrderState | undefined,
  line: StoredLine,
  command: Command | null,
  ended: StoredOrder['ended'],
): OrderState {
  const given = command?.do === 'cancel' && line.step === 'cancel-partly' ? (command.items ?? []) : [];
  const items = before ? without(before.items, given) : command?.do === 'book' ? command.items : [];
  const version = (before?.version ?? 0) + 1;
  const seconds = secondsOf(command);
  const setsEnd = (line.step === 'hold' || line.step === 'extend') && seconds !== null;
  const keepsEnd = before && (line.to === 'held' || line.to === 'expired');
  return {
    status: line.to,
    version,
    items: items.filter(({ quantity }) => quantity > 0),
    booked: before?.booked ?? line.sequence,
    expiresAt: setsEnd ? line.at + seconds * 1000 : keepsEnd ? endOf(before) : null,
    endedAt: ended?.version === version ? ended.at : null,
    timedBy: before && !setsEnd ? before.timedBy : version,
  };
}

function secondsOf(command: Command | null): number | null {
  if (command?.do === 'book') return command.holdSeconds;
  return command?.do === 'extend' ? command.seconds : null;
}

/** A hold ends at its end, not before and not after; who comes later finds it expired, whether or not that is written yet. */
function wrongInTime(before: OrderState | undefined, { step, at }: StoredLine): string[] {
  const end = before?.status === 'held' ? endOf(before) : null;
  if (end === null || at >= end === (step === 'expire')) return [];
  return [`${step} at ${at} of a hold that ends at ${end}`];
}

function wrongInStep(before: OrderState | undefined, line: StoredLine): string[] {
  const step = STEPS[line.step];
  const status = before?.status ?? null;
  const wrong: string[] = [];
  if (!step?.from.includes(status)) wrong.push(`${line.step} of an order that is ${status ?? 'not there'}`);
  else if (step.to[status ?? ''] !== line.to) wrong.push(`${line.step} from ${status} leads to ${line.to}`);
  if (line.from !== status) wrong.push(`starts from ${line.from ?? 'nothing'}, but the order is ${status ?? 'not there'}`);
  return wrong;
}

/** All that there is can only be given back by `cancel`, a part of it only by `cancel-partly`. */
function wrongInItems(before: OrderState | undefined, { step }: StoredLine, command: Command | null): string[] {
  if (!before || command?.do !== 'cancel' || command.items === null) return [];
  const left = without(before.items, command.items);
  if (left.some(({ quantity }) => quantity < 0)) return ['more is given back than there was'];
  const isAll = left.every(({ quantity }) => quantity === 0);
  return isAll === (step === 'cancel') ? [] : [`${step} for ${textOf(command.items)} of ${textOf(before.items)}`];
}

/** The same for the same tickets, in whatever order they are named. */
export const textOf = (items: Items): string =>
  items
    .map(({ ticketTypeId, quantity }) => `${quantity} of ${ticketTypeId}`)
    .toSorted()
    .join(', ');

function without(items: Items, given: Items): Items {
  return items.map(({ ticketTypeId, quantity }) => ({
    ticketTypeId,
    quantity: quantity - (given.find((one) => one.ticketTypeId === ticketTypeId)?.quantity ?? 0),
  }));
}
