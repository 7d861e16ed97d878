import type { Command, Items, ShownOrder } from '../history/calls.js';

export interface EventForSale {
  eventId: string;
  ticketTypeIds: readonly string[];
  /** Where some of its holds are ended before their time; left out: they are not. */
  databaseUrl?: string;
}

interface KnownOrder {
  id: string;
  items: Items;
  /** Given back once already. */
  isPartlyCancelled: boolean;
}

const HOLD_SECONDS = 600;
/** How many of the latest orders of an event are confirmed, extended and cancelled; they are few, so that clients meet at them. */
const KNOWN_MAX = 200;

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;

/** Decides what is asked next: bookings and holds, and steps of orders that anybody has booked. */
export class Shoppers {
  private readonly known = new Map<string, KnownOrder[]>();

  constructor(private readonly events: readonly EventForSale[]) {}

  next(): { eventId: string; command: Command } {
    const event = pick(this.events);
    return { eventId: event.eventId, command: this.stepOfOrder(event.eventId) ?? booking(event) };
  }

  learn(eventId: string, { id, items }: ShownOrder): void {
    const known = this.known.get(eventId) ?? [];
    this.known.set(eventId, known);
    known.push({ id, items, isPartlyCancelled: false });
    if (known.length > KNOWN_MAX) known.shift();
  }

  private stepOfOrder(eventId: string): Command | null {
    const order = pick(this.known.get(eventId) ?? []);
    const chance = Math.random();
    if (!order || chance > 0.5) return null;
    if (chance > 0.4) return { do: 'read', orderId: order.id };
    if (chance < 0.15) return { do: 'confirm', orderId: order.id, revive: Math.random() < 0.5 };
    if (chance < 0.2) return { do: 'extend', orderId: order.id, seconds: HOLD_SECONDS };
    const item = order.items.find(({ quantity }) => quantity > 1);
    if (chance > 0.3 || !item || order.isPartlyCancelled) return { do: 'cancel', orderId: order.id, items: null };
    order.isPartlyCancelled = true;
    return { do: 'cancel', orderId: order.id, items: [{ ticketTypeId: item.ticketTypeId, quantity: 1 }] };
  }
}

function booking({ ticketTypeIds }: EventForSale): Command {
  const first = pick(ticketTypeIds);
  const others = ticketTypeIds.filter((id) => id !== first && Math.random() < 0.3);
  const items = [first, ...others].map((ticketTypeId) => ({ ticketTypeId, quantity: 1 + Math.floor(Math.random() * 3) }));
  return { do: 'book', items, holdSeconds: Math.random() < 0.4 ? HOLD_SECONDS : null };
}
