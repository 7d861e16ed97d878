import { deepStrictEqual } from 'node:assert/strict';
import { ExpireHoldsJob } from '../../src/modules/booking/expire-holds.job.js';
import type { TestApp } from './app.js';
import type { Reply } from './client.js';
import { createEvent, createTicketType } from './factories.js';
import { HOLD_MAX_SECONDS, type KeyChoice, MAX_PER_ORDER, type Operation, type TypeItems } from './model-operations.js';
import { EventModel, type ModelReply, type ShownOrder } from './model.js';
import { makeOverdue } from './orders.js';
import { problemOf } from './problems.js';

const RULES = { maxPerOrder: MAX_PER_ORDER, customerLimit: 10, holdMaxSeconds: HOLD_MAX_SECONDS };
const TICKET_TYPES = [
  { price: 4500, capacity: 8 },
  { price: 0, capacity: 12 },
  { price: 12_345, capacity: 5 },
];

/** Something that was sent, as it can be sent again. */
interface Sent {
  path: string;
  body: object | undefined;
  key: string | null;
  work(): ModelReply;
}

/** One event of the real API, and the model of it, side by side. Every difference is thrown. */
export class ModelRun {
  private readonly sent: Sent[] = [];
  private readonly bodies = new Map<string, unknown>();
  private keys = 0;

  private constructor(
    private readonly running: TestApp,
    private readonly eventId: string,
    private readonly model: EventModel,
  ) {}

  static async start(running: TestApp): Promise<ModelRun> {
    const { api } = running;
    const eventId = await createEvent(api, { maxTicketsPerCustomer: RULES.customerLimit });
    const ticketTypes: Array<{ id: string; price: number; capacity: number }> = [];
    for (const { price, capacity } of TICKET_TYPES) {
      const body = { capacity, maxPerOrder: MAX_PER_ORDER, price: { amount: price, currency: 'EUR' } };
      ticketTypes.push({ id: await createTicketType(api, eventId, body), price, capacity });
    }
    await api.post(`/v1/events/${eventId}/publish`);
    return new ModelRun(running, eventId, new EventModel(ticketTypes, RULES));
  }

  async perform(step: Operation): Promise<void> {
    const { model, running, eventId } = this;
    const order = 'order' in step ? model.orders[step.order % Math.max(1, model.orders.length)] : undefined;
    if ('order' in step && !order) return;
    switch (step.do) {
      case 'book': {
        const [items, email] = [this.itemsOf(step.items), `customer-${step.customer}@example.com`];
        const hold = step.holdSeconds === null ? {} : { hold: { seconds: step.holdSeconds } };
        const body = { items, customer: { email }, ...hold };
        return this.send(`/v1/events/${eventId}/bookings`, body, step.key, () => model.book(items, email, step.holdSeconds));
      }
      case 'confirm': {
        const body = { reviveIfAvailable: step.revive };
        return this.send(`/v1/orders/${order!.id}/confirm`, body, step.key, () => model.confirm(order!, step.revive));
      }
      case 'extend': {
        const { seconds } = step;
        return this.send(`/v1/orders/${order!.id}/extend`, { seconds }, step.key, () => model.extend(order!, seconds));
      }
      case 'cancel': {
        const items = step.items && this.itemsOf(step.items);
        return this.send(`/v1/orders/${order!.id}/cancel`, items ? { items } : undefined, step.key, () =>
          model.cancel(order!, items),
        );
      }
      case 'cancel-event':
        return this.send(`/v1/events/${eventId}/cancel`, undefined, step.key, () => model.cancelEvent());
      case 'repeat':
        return this.sent.length === 0 ? undefined : this.sendAgain(this.sent[step.request % this.sent.length]!);
      case 'let-expire':
        if (order!.status === 'held') await makeOverdue(running.database, order!.id);
        return model.expire(order!);
      case 'sweep':
        await running.app.get(ExpireHoldsJob).runOnce();
        return;
      case 'set-capacity': {
        const { id } = model.ticketTypes[step.type]!;
        const path = `/v1/events/${eventId}/ticket-types/${id}`;
        const reply = await running.api.patch(path, { capacity: step.capacity }, { 'if-match': '*' });
        deepStrictEqual(
          seen(reply, false),
          model.answer(null, path, () => model.setCapacity(id, step.capacity)),
        );
      }
    }
  }

  /** All orders and counts, as the API shows them and as the model has them. */
  async compareAll(): Promise<void> {
    const { model, running, eventId } = this;
    const orders = await running.api.get(`/v1/orders?eventId=${eventId}&limit=200`);
    const byId = (list: ReadonlyArray<{ id: string }>, show: (order: any) => ShownOrder) =>
      Object.fromEntries(list.map((order) => [order.id, show(order)]));
    deepStrictEqual(
      byId(orders.body.items, shownBy),
      byId(model.orders, (order) => model.show(order)),
    );
    const availability = await running.api.get(`/v1/events/${eventId}/availability`);
    const counts = model.ticketTypes.map(({ id, capacity }) => {
      const [held, sold] = [model.taken(id, 'held'), model.taken(id, 'confirmed')];
      return { ticketTypeId: id, capacity, held, sold, available: capacity - held - sold, onSale: !model.cancelled };
    });
    deepStrictEqual(
      availability.body.ticketTypes.map(({ name: _name, ...shown }: any) => shown),
      counts,
    );
  }

  private itemsOf(items: TypeItems) {
    return items.map(([type, quantity]) => ({ ticketTypeId: this.model.ticketTypes[type]!.id, quantity }));
  }

  private keyOf(choice: KeyChoice): string | null {
    if (choice === 'none') return null;
    const used = this.sent.flatMap(({ key }) => key ?? []);
    if (choice === 'new' || used.length === 0) return `${this.eventId}-${++this.keys}`;
    return used[choice.of % used.length]!;
  }

  private async send(path: string, body: object | undefined, key: KeyChoice, work: () => ModelReply): Promise<void> {
    const request: Sent = { path, body, key: this.keyOf(key), work };
    this.sent.push(request);
    await this.sendAgain(request);
  }

  private async sendAgain({ path, body, key, work }: Sent): Promise<void> {
    const { model } = this;
    const ordersBefore = model.orders.length;
    const reply = await this.running.api.post(path, body, key === null ? {} : { 'idempotency-key': key });
    const expected = model.answer(key, `${path} ${JSON.stringify(body)}`, work);
    deepStrictEqual(seen(reply, expected.order !== undefined), expected);
    if (model.orders.length > ordersBefore) model.orders.at(-1)!.id = reply.body.id as string;
    if (key === null || reply.status >= 300) return;
    // A repeat is answered with the very body of the first answer, ids and times included.
    if (expected.replayed) deepStrictEqual(reply.body, this.bodies.get(key));
    else this.bodies.set(key, reply.body);
  }
}

function shownBy(order: any): ShownOrder {
  const items = order.items.map(({ ticketTypeId, quantity, subtotal }: any) => ({
    ticketTypeId,
    quantity,
    subtotal: subtotal.amount,
  }));
  return { status: order.status, items, total: order.total.amount, version: order.version };
}

/** The reply, in the words of the model. */
function seen(reply: Reply, ofOrder: boolean): ModelReply {
  if (reply.status >= 300) {
    const { status, errors: _errors, expiresAt: _expiresAt, ...problem } = problemOf(reply);
    return { status, problem };
  }
  return {
    status: reply.status,
    ...(reply.headers.get('idempotent-replayed') === 'true' ? { replayed: true } : {}),
    ...(ofOrder ? { order: shownBy(reply.body) } : {}),
  };
}
