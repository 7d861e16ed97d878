import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { type OrderDto, OrderConfirmed } from '../../src/modules/orders/index.js';
import type { DomainEvent } from '../../src/platform/domain-events/domain-event.js';
import { OnDomainEvent } from '../../src/platform/domain-events/on-domain-event.decorator.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { tablesWith } from '../support/dump.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';

/** Fails, with a text that quotes the order, when it is told to. */
class Late {
  static readonly waiting: Array<() => void> = [];

  @OnDomainEvent(OrderConfirmed, { name: 'late', retries: 0 })
  async fail({ data }: DomainEvent<OrderDto>): Promise<void> {
    await new Promise<void>((resolve) => Late.waiting.push(resolve));
    throw new Error(`Cannot tell ${data.customer.email}`);
  }
}

@Module({ providers: [Late] })
class LateModule {}

describe('a subscriber that fails', () => {
  let running: TestApp;
  let api: ApiClient;

  beforeAll(async () => {
    running = await startApp({}, undefined, [LateModule]);
    api = running.api;
  });
  afterAll(() => running.close());

  async function toldOf(email: string): Promise<string> {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const { body } = await api.book(eventId, { [ticketTypeId]: 1 }, { email });
    await eventually('the subscriber', async () => Late.waiting.length > 0);
    return body.id;
  }
  const deadLetterOf = (orderId: string) =>
    eventually('a dead letter', async () =>
      (await api.get('/v1/dead-letters')).body.items.find(({ change }: any) => change.orderId === orderId),
    );

  it('says why', async () => {
    const orderId = await toldOf('ada@example.com');
    Late.waiting.pop()!();
    expect((await deadLetterOf(orderId)).error).toBe('Cannot tell ada@example.com');
  });

  it('after the customer was erased: nothing of what it says is kept, since it had the order as it was', async () => {
    const email = 'augusta@example.com';
    const orderId = await toldOf(email);
    expect((await api.post('/v1/customers/erase', { email }, { 'idempotency-key': randomUUID() })).body.orders).toBe(1);
    Late.waiting.pop()!();
    const { error, change } = await deadLetterOf(orderId);
    expect(error).toBe('What went wrong is not kept: the data was changed meanwhile.');
    expect(change.data.customer.email).toMatch(/@erased\.invalid$/);
    expect(await tablesWith(running.database, email)).toEqual([]);
  });
});
