/** What the API should do, in the plainest way: one event, its ticket types, its orders, its keys. No concurrency, no database. */
export interface ModelOrder {
  id: string;
  items: Map<number, number>;
  status: 'held' | 'confirmed' | 'cancelled' | 'expired';
  customer: number;
}

export interface ModelReply {
  status: number;
  code?: string;
  /** The order as the answer shows it. */
  order?: { id: string; status: string; tickets: number };
  replayed?: boolean;
}

const refuse = (status: number, code: string): ModelReply => ({ status, code });
const sum = (quantities: Iterable<number>) => [...quantities].reduce((a, b) => a + b, 0);
const show = (order: ModelOrder) => ({ id: order.id, status: order.status, tickets: sum(order.items.values()) });

export class EventModel {
  readonly orders: ModelOrder[] = [];
  cancelled = false;
  private readonly keys = new Map<string, { request: string; reply: ModelReply }>();

  constructor(
    readonly capacities: number[],
    readonly maxPerOrder: number,
    readonly customerLimit: number,
  ) {}

  taken(type: number, status: 'held' | 'confirmed'): number {
    return sum(this.orders.map((order) => (order.status === status ? (order.items.get(type) ?? 0) : 0)));
  }

  /** Answers a repeat of the key with the first answer, and another request with a refusal. */
  once(key: string | null, request: string, work: () => ModelReply): ModelReply {
    const remembered = key === null ? undefined : this.keys.get(key);
    if (remembered?.request === request) return { ...remembered.reply, replayed: true };
    if (remembered) return refuse(422, 'idempotency-key-reused');
    const reply = work();
    if (key !== null && reply.status < 300) this.keys.set(key, { request, reply });
    return reply;
  }

  book(id: string, items: Map<number, number>, customer: number, hold: boolean): ModelReply {
    if (this.cancelled) return refuse(409, 'event-not-on-sale');
    if ([...items.values()].some((quantity) => quantity > this.maxPerOrder)) return refuse(422, 'quantity-out-of-range');
    const refusal = this.limitRefusal(customer, items) ?? (this.isShort(items) ? refuse(409, 'sold-out') : undefined);
    if (refusal) return refusal;
    const order: ModelOrder = { id, items: new Map(items), status: hold ? 'held' : 'confirmed', customer };
    this.orders.push(order);
    return { status: 201, order: show(order) };
  }

  confirm(order: ModelOrder, revive: boolean): ModelReply {
    if (order.status === 'confirmed') return { status: 200, order: show(order) };
    if (order.status === 'expired' && !revive) return refuse(409, 'hold-expired');
    if (order.status === 'cancelled') return refuse(409, 'order-not-held');
    if (this.cancelled) return refuse(409, 'event-not-on-sale');
    if (order.status === 'expired') {
      if (this.isShort(order.items)) return refuse(409, 'hold-expired');
      const refusal = this.limitRefusal(order.customer, order.items);
      if (refusal) return refusal;
    }
    order.status = 'confirmed';
    return { status: 200, order: show(order) };
  }

  extend(order: ModelOrder): ModelReply {
    if (order.status === 'expired') return refuse(409, 'hold-expired');
    if (order.status !== 'held') return refuse(409, 'order-not-held');
    return { status: 200, order: show(order) };
  }

  cancel(order: ModelOrder, items: Map<number, number> | null): ModelReply {
    if (items === null && order.status === 'cancelled') return { status: 200, order: show(order) };
    if (order.status === 'cancelled' || order.status === 'expired') return refuse(409, 'order-not-cancellable');
    for (const [type, quantity] of items ?? []) {
      if (!order.items.has(type)) return refuse(404, 'ticket-type-not-found');
      if (quantity > order.items.get(type)!) return refuse(422, 'quantity-out-of-range');
    }
    if (items === null || sum(items.values()) === sum(order.items.values())) order.status = 'cancelled';
    else for (const [type, quantity] of items) this.giveBack(order, type, quantity);
    return { status: 200, order: show(order) };
  }

  expire(order: ModelOrder): void {
    if (order.status === 'held') order.status = 'expired';
  }

  setCapacity(type: number, capacity: number): ModelReply {
    if (this.cancelled) return refuse(409, 'invalid-transition');
    if (capacity < this.taken(type, 'held') + this.taken(type, 'confirmed')) return refuse(409, 'capacity-below-committed');
    this.capacities[type] = capacity;
    return { status: 200 };
  }

  cancelEvent(): ModelReply {
    this.cancelled = true;
    for (const order of this.orders) if (order.status === 'held' || order.status === 'confirmed') order.status = 'cancelled';
    return { status: 200 };
  }

  private giveBack(order: ModelOrder, type: number, quantity: number): void {
    const left = order.items.get(type)! - quantity;
    if (left > 0) order.items.set(type, left);
    else order.items.delete(type);
  }

  private isShort(items: ReadonlyMap<number, number>): boolean {
    const left = (type: number) => this.capacities[type]! - this.taken(type, 'held') - this.taken(type, 'confirmed');
    return [...items].some(([type, quantity]) => quantity > left(type));
  }

  private limitRefusal(customer: number, items: ReadonlyMap<number, number>): ModelReply | undefined {
    const live = this.orders.filter((order) => order.customer === customer && ['held', 'confirmed'].includes(order.status));
    const has = sum(live.map((order) => sum(order.items.values())));
    return has + sum(items.values()) > this.customerLimit ? refuse(409, 'customer-limit-exceeded') : undefined;
  }
}
