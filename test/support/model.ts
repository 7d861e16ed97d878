/** What the API should do, in the plainest way: one event, its ticket types, its orders, its keys. No concurrency, no database. */
export interface ModelOrder {
  id: string;
  items: Map<number, number>;
  status: 'confirmed' | 'cancelled';
  customer: number;
}

export interface ModelReply {
  status: number;
  code?: string;
}

export class EventModel {
  readonly orders: ModelOrder[] = [];
  cancelled = false;
  private readonly keys = new Map<string, { request: string; order: ModelOrder }>();

  constructor(
    readonly capacities: number[],
    readonly maxPerOrder: number,
    readonly customerLimit: number,
  ) {}

  sold(type: number): number {
    return this.sum((order) => order.items.get(type) ?? 0);
  }

  book(items: Map<number, number>, customer: number, key: string): ModelReply & { order?: ModelOrder; replayed?: boolean } {
    const request = JSON.stringify([[...items], customer]);
    const remembered = this.keys.get(key);
    if (remembered) {
      return remembered.request === request
        ? { status: 201, order: remembered.order, replayed: true }
        : { status: 422, code: 'idempotency-key-reused' };
    }
    const refusal = this.refusal(items, customer);
    if (refusal) return refusal;
    const order: ModelOrder = { id: '', items, status: 'confirmed', customer };
    this.orders.push(order);
    this.keys.set(key, { request, order });
    return { status: 201, order };
  }

  cancelOrder(order: ModelOrder): ModelReply {
    order.status = 'cancelled';
    return { status: 200 };
  }

  setCapacity(type: number, capacity: number): ModelReply {
    if (this.cancelled) return { status: 409, code: 'invalid-transition' };
    if (capacity < this.sold(type)) return { status: 409, code: 'capacity-below-committed' };
    this.capacities[type] = capacity;
    return { status: 200 };
  }

  cancelEvent(): ModelReply {
    this.cancelled = true;
    for (const order of this.orders) order.status = 'cancelled';
    return { status: 200 };
  }

  private refusal(items: Map<number, number>, customer: number): ModelReply | undefined {
    if (this.cancelled) return { status: 409, code: 'event-not-on-sale' };
    const quantities = [...items.values()];
    if (quantities.some((quantity) => quantity > this.maxPerOrder)) return { status: 422, code: 'quantity-out-of-range' };
    const wanted = quantities.reduce((sum, quantity) => sum + quantity, 0);
    const has = this.sum((order) => (order.customer === customer ? [...order.items.values()].reduce((a, b) => a + b, 0) : 0));
    if (has + wanted > this.customerLimit) return { status: 409, code: 'customer-limit-exceeded' };
    const short = [...items].some(([type, quantity]) => quantity > this.capacities[type]! - this.sold(type));
    return short ? { status: 409, code: 'sold-out' } : undefined;
  }

  private sum(of: (order: ModelOrder) => number): number {
    return this.orders.reduce((sum, order) => sum + (order.status === 'confirmed' ? of(order) : 0), 0);
  }
}
