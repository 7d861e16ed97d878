import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { LATER_MS, WebhookSetting } from '../support/webhook-setting.js';

/** Answers every request with these bytes, whatever HTTP says about them. */
class OddReceiver {
  requests = 0;
  answer: Buffer = Buffer.from('');

  private constructor(private readonly server: Server) {}

  static async start(): Promise<OddReceiver> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        odd.requests += 1;
        socket.end(odd.answer);
      });
    });
    const odd = new OddReceiver(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return odd;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  says(head: string, body: Buffer = Buffer.from('odd')): void {
    this.answer = Buffer.concat([Buffer.from(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n`), body]);
  }

  async stop(): Promise<void> {
    this.server.close();
    await once(this.server, 'close');
  }
}

describe('an endpoint with an answer that is none', () => {
  let on: WebhookSetting;
  let api: ApiClient;
  let odd: OddReceiver;

  const sql = (text: string) => on.running.database.sql(text);
  const book = async (times = 1) => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    for (let count = 0; count < times; count++) {
      const { status, body } = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
      expect(status).toBe(201);
      await api.post(`/v1/orders/${body.id}/confirm`);
    }
  };

  beforeAll(async () => {
    on = await WebhookSetting.start();
    ({ api } = on.running);
    odd = await OddReceiver.start();
  });
  afterAll(async () => {
    await on.stop();
    await odd.stop();
  });
  beforeEach(async () => {
    await on.reset();
    odd.requests = 0;
  });

  it.each(['000 Odd', '099 Odd'])(
    'status %s: it counts as an attempt that failed, and what comes later does not wait',
    async (head) => {
      odd.says(head);
      on.schedule.retryDelaysMs = [LATER_MS];
      const { path } = await on.endpoint({ url: odd.url, types: ['order.held', 'order.confirmed'] });
      await book();
      await on.receiver.until(async () => (await on.deliveriesOf(path)).filter(({ attempts }) => attempts === 1).length === 2);
      for (const delivery of await on.deliveriesOf(path)) {
        expect(delivery).toMatchObject({ status: 'pending', attempts: 1, responseStatus: null, responseBody: null });
        expect(delivery.error).toContain('no valid status');
      }
      expect((await api.get(path)).body.failingSince).not.toBeNull();
      await sleep(2_500);
      expect(odd.requests).toBe(2);
    },
  );

  it('a status that nobody knows: it is kept, and the attempt has failed', async () => {
    odd.says('999 Odd');
    on.schedule.retryDelaysMs = [];
    const { path } = await on.endpoint({ url: odd.url, types: ['order.confirmed'] });
    await book();
    expect(await on.attempted(path)).toMatchObject({ status: 'failed', responseStatus: 999, responseBody: 'odd' });
  });

  it.each([
    ['bytes that are no text', Buffer.from([0xff, 0x00, 0xed, 0xa0, 0x80, 0xc3]), /^[\ufffd]+$/],
    ['a kilobyte of them', Buffer.alloc(2_000, 0xff), /^\ufffd{1024}$/],
    ['a character that is cut', Buffer.from('é'.repeat(600)).subarray(1), /^\ufffdé{511}\ufffd$/],
  ])('%s: what can be written of it is kept', async (_, body, kept) => {
    odd.says('200 OK', body);
    const { path } = await on.endpoint({ url: odd.url, types: ['order.confirmed'] });
    await book();
    const { status, responseBody } = await on.attempted(path);
    expect(status).toBe('succeeded');
    expect(responseBody).toMatch(kept);
  });

  it('that the database refuses: the attempt is written down without it', async () => {
    await sql(`alter table webhook_deliveries add constraint tester check (response_body <> 'odd') not valid`);
    try {
      odd.says('500 Odd');
      on.schedule.retryDelaysMs = [LATER_MS];
      const { path } = await on.endpoint({ url: odd.url, types: ['order.confirmed'] });
      await book();
      expect(await on.attempted(path)).toMatchObject({ status: 'pending', responseStatus: 500, responseBody: null });
      await sleep(2_500);
      expect(odd.requests).toBe(1);
    } finally {
      await sql('alter table webhook_deliveries drop constraint tester');
    }
  });

  it('while nothing can be written down at all: it is not asked again until it can', async () => {
    await sql('alter table webhook_deliveries add constraint tester check (attempts = 0) not valid');
    const { path } = await on.endpoint({ url: odd.url, types: ['order.confirmed'] });
    try {
      odd.says('200 OK');
      await book();
      await on.receiver.until(() => odd.requests > 0);
      await sleep(4_000);
    } finally {
      await sql('alter table webhook_deliveries drop constraint tester');
    }
    expect(await on.attempted(path)).toMatchObject({ status: 'succeeded', attempts: 1, responseBody: 'odd' });
    expect(odd.requests).toBe(1);
  });
});
