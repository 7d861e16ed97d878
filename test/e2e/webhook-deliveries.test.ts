import { setTimeout as sleep } from 'node:timers/promises';
import { type DeliverySchedule, PurgeWebhookDeliveriesJob } from '../../src/modules/webhooks/index.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { verify, type WebhookReceiver } from '../support/webhook-receiver.js';
import { LATER_MS, WebhookSetting } from '../support/webhook-setting.js';

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';
let on: WebhookSetting;
let api: ApiClient;
let schedule: DeliverySchedule;
let receiver: WebhookReceiver;
let other: WebhookReceiver;

beforeAll(async () => {
  on = await WebhookSetting.start();
  ({ schedule, receiver, other } = on);
  ({ api } = on.running);
});
afterAll(() => on.stop());
beforeEach(() => on.reset());

const orders = () => receiver.received.filter(({ body }) => body.type.startsWith('order.'));

describe('what is sent', () => {
  it('each change once, signed as Standard Webhooks says, with what the change feed tells', async () => {
    const { secret, path } = await on.endpoint();
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const order = await api.book(eventId, { [ticketTypeId]: 2 });
    await receiver.until(() => orders().length > 0);
    const [confirmed] = orders();
    expect(verify(secret, confirmed!)).toEqual(confirmed!.body);
    expect(() => verify(secret, { ...confirmed!, text: confirmed!.text.replace('ada', 'eve') })).toThrow('signature');
    const { body: feed } = await api.get(`/v1/changes?eventId=${eventId}`);
    await receiver.until(() => receiver.received.length >= feed.items.length);
    const sent = receiver.received.map(({ headers, body }) => ({ id: headers['webhook-id'], ...body }));
    const told = feed.items.map(({ id, type, occurredAt, data }: any) => ({ id, type, timestamp: occurredAt, data }));
    expect(sent).toEqual(expect.arrayContaining(told));
    expect(sent).toHaveLength(told.length);
    expect(confirmed!.body.data).toEqual(order.body);
    expect(confirmed!.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Holdfast-Webhooks' });
    await receiver.until(async () => (await on.deliveriesOf(path)).every(({ status }: any) => status === 'succeeded'));
    expect((await on.deliveriesOf(path))[0]).toMatchObject({
      type: 'order.confirmed',
      orderId: order.body.id,
      attempts: 1,
      responseStatus: 200,
      responseBody: 'ok',
      nextAttemptAt: null,
      error: null,
    });
  });

  it('only the types and the event that an endpoint wants, and nothing from before it was made', async () => {
    const [first, second] = [await eventOnSale(api), await eventOnSale(api)];
    await api.book(first.eventId, { [first.ticketTypeId]: 1 });
    const ofTypes = await on.endpoint({ types: ['order.cancelled', 'order.confirmed'] });
    const ofEvent = await on.endpoint({ url: other.url, eventId: second.eventId.toUpperCase() });
    for (const { eventId, ticketTypeId } of [first, second]) {
      const order = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
      await api.post(`/v1/orders/${order.body.id}/cancel`);
    }
    await receiver.until(() => receiver.received.length >= 2 && other.received.length >= 2);
    await sleep(1_000);
    expect(receiver.received.map(({ body }) => body.type)).toEqual(['order.cancelled', 'order.cancelled']);
    expect(new Set(receiver.received.map(({ body }) => body.data.eventId))).toEqual(new Set([first.eventId, second.eventId]));
    expect(other.received.map(({ body }) => body.type)).toEqual(['order.held', 'order.cancelled']);
    expect((await on.deliveriesOf(ofTypes.path)).length).toBe(2);
    expect((await on.deliveriesOf(ofEvent.path)).length).toBe(2);
  });

  it('nothing while it is disabled, nor later', async () => {
    const { path } = await on.endpoint({ enabled: false });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await api.book(eventId, { [ticketTypeId]: 1 });
    const witness = await on.endpoint({ url: other.url });
    await api.patch(path, { enabled: true }, { 'if-match': '*' });
    await api.book(eventId, { [ticketTypeId]: 1 });
    await receiver.until(() => receiver.received.length > 0 && other.received.length > 0);
    await sleep(800);
    expect(receiver.received.map(({ body }) => body.data.sequence)).toEqual([2]);
    expect((await on.deliveriesOf(witness.path)).length).toBe(1);
  });

  it('in order per order', async () => {
    await on.endpoint({
      types: ['order.held', 'order.extended', 'order.confirmed', 'order.partially-cancelled', 'order.cancelled'],
    });
    const { eventId, ticketTypeId } = await eventOnSale(api, [500]);
    const give = { items: [{ ticketTypeId, quantity: 1 }] };
    const live = async () => {
      const { body } = await api.book(eventId, { [ticketTypeId]: 3 }, { holdSeconds: 60 });
      for (const seconds of [70, 80]) await api.post(`/v1/orders/${body.id}/extend`, { seconds });
      await api.post(`/v1/orders/${body.id}/confirm`);
      for (const step of [give, give, {}]) await api.post(`/v1/orders/${body.id}/cancel`, step);
    };
    await Promise.all(Array.from({ length: 12 }, live));
    await receiver.until(() => receiver.received.length >= 12 * 7);
    const byOrder = Map.groupBy(receiver.received, ({ body }) => body.data.id as string);
    expect(byOrder.size).toBe(12);
    for (const facts of byOrder.values()) {
      const { items } = (await api.get(`/v1/orders/${facts[0]!.body.data.id}/history`)).body;
      expect(facts).toHaveLength(items.length);
      expect(facts.map(({ body }) => body.type)).toEqual([
        ...['order.held', 'order.extended', 'order.extended', 'order.confirmed'],
        ...['order.partially-cancelled', 'order.partially-cancelled', 'order.cancelled'],
      ]);
      const quantities = facts.map(({ body }) => body.data.items[0]?.quantity ?? 0);
      expect(quantities).toEqual(quantities.toSorted((a: number, b: number) => b - a));
    }
  });
});

describe('the secret', () => {
  it('when it is rotated, both sign for a day', async () => {
    const { path, secret: former } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const { body } = await api.post(`${path}/rotate-secret`);
    expect(body.secret).not.toBe(former);
    const days = (Date.parse(body.previousSecretEndsAt) - Date.parse(body.updatedAt)) / 86_400_000;
    expect(days).toBe(1);
    await api.book(eventId, { [ticketTypeId]: 1 });
    await receiver.until(() => receiver.received.length === 1);
    for (const secret of [former, body.secret]) verify(secret, receiver.received[0]!);
    await on.running.database.sql(`update webhook_endpoints set previous_secret_ends_at = now()`);
    await api.book(eventId, { [ticketTypeId]: 1 });
    await receiver.until(() => receiver.received.length === 2);
    verify(body.secret, receiver.received[1]!);
    expect(() => verify(former, receiver.received[1]!)).toThrow('signature');
  });
});

describe('a test', () => {
  it('is sent once, also to a disabled endpoint, and is in the list', async () => {
    const { path, id, secret } = await on.endpoint({ enabled: false });
    receiver.answer = (_, response) => response.writeHead(500).end('not yet');
    const { status, body } = await api.post(`${path}/test`);
    expect(status).toBe(202);
    await receiver.until(async () => (await on.deliveriesOf(path))[0].status === 'failed');
    expect(await on.deliveriesOf(path)).toMatchObject([
      { id: body.id, type: 'webhook-endpoint.test', attempts: 1, responseStatus: 500, responseBody: 'not yet' },
    ]);
    verify(secret, receiver.received[0]!);
    expect(receiver.received[0]!.headers['webhook-id']).toBe(body.messageId);
    expect(receiver.received[0]!.body).toMatchObject({ type: 'webhook-endpoint.test', data: { id, enabled: false } });
    expect((await api.get('/v1/changes?limit=200')).body.items.map(({ id: change }: any) => change)).not.toContain(
      body.messageId,
    );
  });
});

describe('the list of deliveries', () => {
  it('goes page by page, newest first, and ends with the retention', async () => {
    const { path, id } = await on.endpoint();
    for (let count = 0; count < 5; count++) await api.post(`${path}/test`);
    const whole: string[] = (await on.deliveriesOf(path)).map((one: any) => one.id);
    expect(whole).toEqual(whole.toSorted().toReversed());
    const pages: string[] = [];
    for (let cursor = ''; pages.length < 5;) {
      const { body } = await api.get(`${path}/deliveries?limit=2${cursor}`);
      pages.push(...body.items.map((one: any) => one.id));
      cursor = `&cursor=${body.nextCursor}`;
      if (body.nextCursor === null) break;
    }
    expect(pages).toEqual(whole);
    await receiver.until(() => receiver.received.length === 5);
    const job = on.running.app.get(PurgeWebhookDeliveriesJob);
    expect(await job.runOnce()).toBe(0);
    schedule.retentionMs = 0;
    await sleep(5);
    expect(await job.runOnce()).toBeGreaterThanOrEqual(5);
    expect(await on.running.database.sql('select from webhook_deliveries where webhook_endpoint_id = $1', [id])).toEqual([]);
    schedule.retentionMs = LATER_MS;
  });

  it('tells what there is not', async () => {
    const { path } = await on.endpoint();
    expect((await api.get(`/v1/webhook-endpoints/${UNKNOWN}/deliveries`)).body.code).toBe('webhook-endpoint-not-found');
    expect((await api.post(`/v1/webhook-endpoints/${UNKNOWN}/test`)).body.code).toBe('webhook-endpoint-not-found');
    expect((await api.post(`${path}/deliveries/${UNKNOWN}/redeliver`)).body.code).toBe('webhook-delivery-not-found');
  });
});
