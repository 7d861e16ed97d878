import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliverySchedule } from '../../src/modules/webhooks/index.js';
import { insertApiKey } from '../support/api-keys.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { verify, type WebhookReceiver } from '../support/webhook-receiver.js';
import { LATER_MS, LONG_TIMEOUT_MS, WebhookSetting } from '../support/webhook-setting.js';

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

describe('what fails', () => {
  it('is tried again until it succeeds, and holds back nothing', async () => {
    schedule.retryDelaysMs = [LATER_MS, 100];
    const { secret, path } = await on.endpoint({ types: ['order.held', 'order.cancelled'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    let failures = 2;
    receiver.answer = ({ body }, response) => {
      response.writeHead(body.type === 'order.held' && failures-- > 0 ? 500 : 204).end();
    };
    const { body: order } = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
    await api.post(`/v1/orders/${order.id}/cancel`);
    await receiver.until(() => receiver.received.length >= 2);
    await on.hurryRetries();
    await receiver.until(() => receiver.received.length >= 4);
    expect(receiver.received.map(({ body }) => body.type)).toEqual(['order.held', 'order.cancelled', 'order.held', 'order.held']);
    const held = receiver.ofType('order.held');
    expect(new Set(held.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const one of held) verify(secret, one);
    await receiver.until(async () => (await on.deliveriesOf(path)).every(({ status }: any) => status === 'succeeded'));
    expect((await on.deliveriesOf(path)).map(({ attempts }: any) => attempts)).toEqual([1, 3]);
    expect((await api.get(path)).body).toMatchObject({ failingSince: null, enabled: true });
  });

  it('fails for good when the retries are used up, and can be sent once more', async () => {
    schedule.retryDelaysMs = [50];
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    receiver.answer = (_, response) => response.writeHead(500).end('no\0');
    await api.book(eventId, { [ticketTypeId]: 1 });
    await receiver.until(async () => (await on.deliveriesOf(path))[0]?.status === 'failed');
    const [failed] = await on.deliveriesOf(path);
    expect(failed).toMatchObject({ attempts: 2, responseStatus: 500, responseBody: 'no\ufffd', nextAttemptAt: null });
    receiver.answer = (_, response) => response.end('now');
    const headers = { 'idempotency-key': 'once-more' };
    const again = await api.post(`${path}/deliveries/${failed.id}/redeliver`, undefined, headers);
    expect(again).toMatchObject({ status: 202, body: { id: failed.id, status: 'pending', attempts: 2 } });
    const repeat = await api.post(`${path}/deliveries/${failed.id}/redeliver`, undefined, headers);
    expect(repeat.headers.get('idempotent-replayed')).toBe('true');
    await receiver.until(async () => (await on.deliveriesOf(path))[0].status === 'succeeded');
    expect((await on.deliveriesOf(path))[0]).toMatchObject({ attempts: 3, responseBody: 'now' });
    expect(new Set(receiver.ids).size).toBe(1);
    await sleep(700);
    expect(receiver.received).toHaveLength(3);
  });

  it('waits as long as Retry-After says, and a day at most', async () => {
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const answers: Array<[number, string]> = [
      [429, '7'],
      [503, new Date(Date.now() + 3_600_000).toUTCString()],
      [503, '999999'],
      [500, '999999'],
      [429, 'soon'],
    ];
    const waits: number[] = [];
    for (const [status, retryAfter] of answers) {
      receiver.answer = (_, response) => response.writeHead(status, { 'retry-after': retryAfter }).end();
      await api.book(eventId, { [ticketTypeId]: 1 });
      schedule.retryDelaysMs = [5_000];
      await on.attempted(path);
      const [{ id, lastAttemptAt, nextAttemptAt }] = await on.deliveriesOf(path);
      waits.push((Date.parse(nextAttemptAt) - Date.parse(lastAttemptAt)) / 1_000);
      await on.running.database.sql('delete from webhook_deliveries where id = $1', [id]);
    }
    expect(waits[0]).toBe(7);
    expect(waits[1]).toBeGreaterThan(3_500);
    expect(waits[1]).toBeLessThanOrEqual(3_600);
    expect(waits[2]).toBe(86_400);
    for (const wait of waits.slice(3)) {
      expect(wait).toBeGreaterThanOrEqual(4);
      expect(wait).toBeLessThanOrEqual(6);
    }
  });

  it('with 410, is not tried again, and disables the endpoint, which those are told that ask for it', async () => {
    const { path, id } = await on.endpoint({ types: ['order.confirmed'] });
    await on.endpoint({ url: other.url, types: ['webhook-endpoint.disabled'] });
    const ofAll = await on.endpoint({ url: `${other.url}/all` });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    receiver.answer = (_, response) => response.writeHead(410).end();
    await api.book(eventId, { [ticketTypeId]: 1 });
    await other.until(() => other.ofType('webhook-endpoint.disabled').length > 0);
    const { body } = await api.get(path);
    expect(body).toMatchObject({ enabled: false, disabledReason: 'gone', version: 2 });
    const [told] = other.ofType('webhook-endpoint.disabled');
    expect(told!.body).toMatchObject({ type: 'webhook-endpoint.disabled', data: body });
    expect(told!.text).not.toContain('secret"');
    // Who asks for all changes means those of orders and events.
    expect((await on.deliveriesOf(ofAll.path)).map(({ type }) => type)).not.toContain('webhook-endpoint.disabled');
    const { items } = (await api.get('/v1/changes?types=webhook-endpoint.disabled')).body;
    expect(items.at(-1)).toMatchObject({ eventId: null, orderId: null, data: { id } });
    const { key } = await insertApiKey(on.running.database, ['orders:read', 'orders:write', 'events:write']);
    expect((await api.as(key).get('/v1/changes?types=webhook-endpoint.disabled')).body.items).toEqual([]);
    expect((await api.as(key).get('/v1/changes?limit=200')).body.items.map(({ type }: any) => type)).not.toContain(
      'webhook-endpoint.disabled',
    );
    expect((await on.deliveriesOf(path))[0]).toMatchObject({ status: 'failed', attempts: 1 });
    const enabled = await api.patch(path, { enabled: true }, { 'if-match': '"2"' });
    expect(enabled.body).toMatchObject({ enabled: true, disabledReason: null });
  });

  it('for days, disables the endpoint; what waits for it then fails', async () => {
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    receiver.answer = (_, response) => response.writeHead(500).end();
    schedule.retryDelaysMs = [LATER_MS, 200];
    await api.book(eventId, { [ticketTypeId]: 1 });
    await on.attempted(path);
    expect((await api.get(path)).body).toMatchObject({ enabled: true, version: 2, failingSince: expect.any(String) });
    schedule.disableAfterMs = 0;
    await on.hurryRetries();
    await receiver.until(async () => !(await api.get(path)).body.enabled);
    expect((await api.get(path)).body).toMatchObject({ disabledReason: 'failing', version: 3 });
    await receiver.until(async () => (await on.deliveriesOf(path))[0].status === 'failed');
    expect((await on.deliveriesOf(path))[0]).toMatchObject({ attempts: 2, error: 'The endpoint is disabled.' });
    expect(receiver.received).toHaveLength(2);
  });

  it('by no answer at all: refused, cut, or too slow', async () => {
    schedule.retryDelaysMs = [];
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const closed = await on.endpoint({ url: 'http://127.0.0.1:9/', types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const errors: string[] = [];
    const answers: Array<[number, (response: ServerResponse) => unknown]> = [
      [10_000, (response) => response.destroy()],
      [300, () => {}],
    ];
    for (const [timeoutMs, answer] of answers) {
      schedule.timeoutMs = timeoutMs;
      receiver.answer = (_, response) => answer(response);
      await api.book(eventId, { [ticketTypeId]: 1 });
      await on.attempted(path);
      await on.attempted(closed.path);
      for (const one of [path, closed.path]) {
        const [delivery] = await on.deliveriesOf(one);
        expect(delivery).toMatchObject({ status: 'failed', attempts: 1, responseStatus: null, responseBody: null });
        errors.push(delivery.error);
      }
      await on.running.database.sql('delete from webhook_deliveries');
    }
    expect(errors[0]).toMatch(/hang up|closed|ECONNRESET/);
    expect(errors[1]).toContain('ECONNREFUSED');
    expect(errors[2]).toBe('No answer within 0.3 s.');
  });
});

describe('an endpoint that is not as it should be', () => {
  it('answers slowly: it has ten requests at once, and delays nobody else', async () => {
    await on.endpoint({ types: ['order.confirmed'] });
    await on.endpoint({ url: other.url, types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api, [100]);
    schedule.timeoutMs = LONG_TIMEOUT_MS;
    const waiting: Array<() => void> = [];
    receiver.answer = (_, response) => waiting.push(() => response.end());
    await Promise.all(Array.from({ length: 30 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
    await other.until(() => other.received.length === 30);
    expect(receiver.received).toHaveLength(10);
    receiver.answer = (_, response) => response.end();
    for (const finish of waiting) finish();
    await receiver.until(() => receiver.received.length === 30);
    expect(receiver.openMax).toBe(10);
  });

  it('redirects: that is a failure, and not followed', async () => {
    schedule.retryDelaysMs = [];
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    for (const status of [301, 302, 307, 308]) {
      receiver.answer = (_, response) => response.writeHead(status, { location: other.url }).end();
      await api.book(eventId, { [ticketTypeId]: 1 });
      await receiver.until(async () => (await on.deliveriesOf(path))[0]?.responseStatus === status);
      expect((await on.deliveriesOf(path))[0]).toMatchObject({ status: 'failed', attempts: 1 });
    }
    expect(other.received).toEqual([]);
  });

  it('answers without end: a kilobyte is kept, and the connection is cut', async () => {
    const { path } = await on.endpoint({ types: ['order.confirmed'] });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    let sent = 0;
    receiver.answer = (_, response) => {
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(1_000))) sent += 1_000;
        response.once('drain', pour);
      };
      pour();
    };
    await api.book(eventId, { [ticketTypeId]: 1 });
    await on.attempted(path);
    expect((await on.deliveriesOf(path))[0]).toMatchObject({ status: 'succeeded', responseBody: 'x'.repeat(1_024) });
    await receiver.until(() => receiver.open === 0);
    expect(sent).toBeLessThan(50_000_000);
  });
});
