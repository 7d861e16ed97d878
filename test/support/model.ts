/** What the API should do, in the plainest way: one event, its ticket types, its orders, its keys. No concurrency, no database. */
export type Items = ReadonlyArray<{ ticketTypeId: string; quantity: number }>;

interface ModelTicketType {
  id: string;
  price: number;
  capacity: number;
}

export interface ModelOrder {
  id: string;
  items: Map<string, number>;
  status: 'held' | 'confirmed' | 'cancelled' | 'expired';
  customer: string;
  /** Grows with every change, expiry included. */
  version: number;
}

/** What an answer shows of an order. */
export interface ShownOrder {
  status: string;
  items: Array<{ ticketTypeId: string; quantity: number; subtotal: number }>;
  total: number;
  version: number;
}

export interface ModelReply {
  status: number;
  replayed?: boolean;
  order?: ShownOrder;
  /** Code and members of a refusal. */
  problem?: { code: string; [member: string]: unknown };
}

export interface ModelRules {
  maxPerOrder: number;
  customerLimit: number;
  holdMaxSeconds: number;
}

/** A refusal. Thrown, so that each rule below is one line. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    code: string,
    members: Record<string, unknown> = {},
  ) {
    super(code);
    this.reply = { status, problem: { code, ...members } };
  }

  readonly reply: ModelReply;
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0);
const quantitiesOf = (items: Items) => new Map(items.map(({ ticketTypeId, quantity }) => [ticketTypeId, quantity]));
const isLive = ({ status }: ModelOrder) => status === 'held' || status === 'confirmed';

export class EventModel {
  readonly orders: ModelOrder[] = [];
  cancelled = false;
  private readonly keys = new Map<string, { request: string; reply: ModelReply }>();

  constructor(
    readonly ticketTypes: readonly ModelTicketType[],
    private readonly rules: ModelRules,
  ) {}

  taken(typeId: string, status: 'held' | 'confirmed'): number {
    return sum(this.orders.map((order) => (order.status === status ? (order.items.get(typeId) ?? 0) : 0)));
  }

  /** Answers a repeat of the key with the first answer, and another request with a refusal; only successes are remembered. */
  answer(key: string | null, request: string, work: () => ModelReply): ModelReply {
    const remembered = key === null ? undefined : this.keys.get(key);
    if (remembered?.request === request) return { ...remembered.reply, replayed: true };
    try {
      if (remembered) throw new Refusal(422, 'idempotency-key-reused');
      const reply = work();
      if (key !== null) this.keys.set(key, { request, reply });
      return reply;
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      throw error;
    }
  }

  book(items: Items, customer: string, holdSeconds: number | null): ModelReply {
    const { maxPerOrder, holdMaxSeconds } = this.rules;
    if (holdSeconds !== null && holdSeconds > holdMaxSeconds) throw new Refusal(400, 'validation-failed');
    if (this.cancelled) throw new Refusal(409, 'event-not-on-sale', { reason: 'cancelled' });
    for (const { ticketTypeId, quantity } of items) {
      if (quantity > maxPerOrder) throw new Refusal(422, 'quantity-out-of-range', { ticketTypeId, minPerOrder: 1, maxPerOrder });
    }
    const wanted = quantitiesOf(items);
    this.assertWithinLimit(customer, wanted);
    const shortages = this.shortagesOf(wanted);
    if (shortages.length > 0) throw new Refusal(409, 'sold-out', { shortages });
    const order: ModelOrder = {
      id: '',
      items: wanted,
      status: holdSeconds === null ? 'confirmed' : 'held',
      customer,
      version: 1,
    };
    this.orders.push(order);
    return { status: 201, order: this.show(order) };
  }

  confirm(order: ModelOrder, revive: boolean): ModelReply {
    if (order.status === 'confirmed') return this.shown(order);
    if (order.status !== 'expired' || !revive) this.assertHeld(order);
    if (this.cancelled) throw new Refusal(409, 'event-not-on-sale', { reason: 'cancelled' });
    if (order.status === 'expired') {
      this.assertWithinLimit(order.customer, order.items);
      const shortages = this.shortagesOf(order.items);
      if (shortages.length > 0) throw new Refusal(409, 'hold-expired', { shortages });
    }
    return this.change(order, 'confirmed');
  }

  extend(order: ModelOrder, seconds: number): ModelReply {
    this.assertHeld(order);
    if (seconds > this.rules.holdMaxSeconds) throw new Refusal(400, 'validation-failed');
    return this.change(order, 'held');
  }

  cancel(order: ModelOrder, items: Items | null): ModelReply {
    if (items === null && order.status === 'cancelled') return this.shown(order);
    if (!isLive(order)) throw new Refusal(409, 'order-not-cancellable', { orderStatus: order.status });
    for (const { ticketTypeId, quantity } of items ?? []) {
      const has = order.items.get(ticketTypeId);
      if (has === undefined) throw new Refusal(404, 'ticket-type-not-found');
      if (quantity > has) throw new Refusal(422, 'quantity-out-of-range', { ticketTypeId, minPerOrder: 1, maxPerOrder: has });
    }
    const given = items === null ? order.items : quantitiesOf(items);
    if (sum(given.values()) === sum(order.items.values())) return this.change(order, 'cancelled');
    for (const [typeId, quantity] of given) order.items.set(typeId, order.items.get(typeId)! - quantity);
    order.items = new Map([...order.items].filter(([, quantity]) => quantity > 0));
    return this.change(order, order.status);
  }

  expire(order: ModelOrder): void {
    if (order.status === 'held') this.change(order, 'expired');
  }

  setCapacity(typeId: string, capacity: number): ModelReply {
    if (this.cancelled) throw new Refusal(409, 'invalid-transition', { eventStatus: 'cancelled' });
    const committed = this.taken(typeId, 'held') + this.taken(typeId, 'confirmed');
    if (capacity < committed) throw new Refusal(409, 'capacity-below-committed', { committed });
    this.ticketTypes.find(({ id }) => id === typeId)!.capacity = capacity;
    return { status: 200 };
  }

  cancelEvent(): ModelReply {
    this.cancelled = true;
    for (const order of this.orders.filter(isLive)) this.change(order, 'cancelled');
    return { status: 200 };
  }

  show(order: ModelOrder): ShownOrder {
    const items = [...order.items].map(([ticketTypeId, quantity]) => {
      const { price } = this.ticketTypes.find(({ id }) => id === ticketTypeId)!;
      return { ticketTypeId, quantity, subtotal: quantity * price };
    });
    return { status: order.status, items, total: sum(items.map(({ subtotal }) => subtotal)), version: order.version };
  }

  private shown(order: ModelOrder): ModelReply {
    return { status: 200, order: this.show(order) };
  }

  private change(order: ModelOrder, status: ModelOrder['status']): ModelReply {
    order.status = status;
    order.version += 1;
    return this.shown(order);
  }

  private assertHeld(order: ModelOrder): void {
    if (order.status === 'expired') throw new Refusal(409, 'hold-expired');
    if (order.status !== 'held') throw new Refusal(409, 'order-not-held', { orderStatus: order.status });
  }

  private assertWithinLimit(customer: string, wanted: ReadonlyMap<string, number>): void {
    const limit = this.rules.customerLimit;
    const own = this.orders.filter((order) => order.customer === customer && isLive(order));
    const alreadyBooked = sum(own.flatMap((order) => [...order.items.values()]));
    if (alreadyBooked + sum(wanted.values()) > limit) throw new Refusal(409, 'customer-limit-exceeded', { limit, alreadyBooked });
  }

  private shortagesOf(wanted: ReadonlyMap<string, number>) {
    return [...wanted].flatMap(([ticketTypeId, requested]) => {
      const { capacity } = this.ticketTypes.find(({ id }) => id === ticketTypeId)!;
      const available = capacity - this.taken(ticketTypeId, 'held') - this.taken(ticketTypeId, 'confirmed');
      return requested > available ? [{ ticketTypeId, requested, available }] : [];
    });
  }
}
