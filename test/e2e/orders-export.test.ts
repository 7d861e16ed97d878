import { get } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { insertOrders } from '../support/orders.js';
import { AppProcess } from '../support/process.js';

const HEADER =
  'order_id,sequence,status,created_at,confirmed_at,cancelled_at,cancel_reason,payment_reference,customer_email,customer_name,' +
  'ticket_type_id,ticket_type,quantity,unit_price_amount,subtotal_amount,currency';
const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';

describe("the export of an event's orders", () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  async function exported(eventId: string) {
    const response = await fetch(`${running.url}/v1/events/${eventId}/orders.csv`);
    return { response, lines: (await response.text()).split('\r\n') };
  }

  it('has a header and a line per item, in the order of the bookings', async () => {
    const { api } = running;
    const { eventId, ticketTypeIds } = await eventOnSale(api, [10, 10]);
    const [first, second] = ticketTypeIds as [string, string];
    const one = await api.book(eventId, { [first]: 2, [second]: 1 });
    const two = await api.book(eventId, { [second]: 3 });
    await api.post(`/v1/orders/${two.body.id}/cancel`, { reason: 'a "late", change' });
    const { response, lines } = await exported(eventId);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename=orders-${eventId}.csv`);
    const { createdAt } = one.body;
    expect(lines).toEqual([
      HEADER,
      `${one.body.id},1,confirmed,${createdAt},${createdAt},,,,ada@example.com,Ada,${first},Type 1,2,4500,9000,EUR`,
      `${one.body.id},1,confirmed,${createdAt},${createdAt},,,,ada@example.com,Ada,${second},Type 2,1,4500,4500,EUR`,
      expect.stringContaining(',"a ""late"", change",,ada@example.com,Ada,'),
      '',
    ]);
  });

  it('has no line for an event without orders, and is not there for an unknown event', async () => {
    const { eventId } = await eventOnSale(running.api);
    expect((await exported(eventId)).lines).toEqual([HEADER, '']);
    expect(await running.api.get(`/v1/events/${UNKNOWN}/orders.csv`)).toMatchObject({
      status: 404,
      body: { code: 'event-not-found' },
    });
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '=HYPERLINK("http://localhost","x")'])(
    'a spreadsheet does not run %j, given as a name',
    async (name) => {
      const { api } = running;
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const body = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com', name } };
      expect((await api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': name.trim() })).status).toBe(201);
      const { lines } = await exported(eventId);
      const cell = `'${name}`;
      expect(lines[1]).toContain(`,${cell.includes('"') || cell.includes(',') ? `"${cell.replaceAll('"', '""')}"` : cell},`);
    },
  );

  it('shows a hold that is past its end as expired', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const body = { items: [{ ticketTypeId, quantity: 1 }], customer: { email: 'ada@example.com' }, hold: { seconds: 60 } };
    await api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': 'exported-hold' });
    expect((await exported(eventId)).lines[1]).toContain(',1,held,');
    await database.sql('update orders set expires_at = created_at where event_id = $1', [eventId]);
    expect((await exported(eventId)).lines[1]).toContain(',1,expired,');
  });

  describe('of 60,000 orders', () => {
    const ORDERS = 60_000;
    let eventId: string;
    let process: AppProcess;

    beforeAll(async () => {
      const sale = await eventOnSale(running.api, [ORDERS]);
      eventId = sale.eventId;
      await insertOrders(running.database, eventId, sale.ticketTypeId, ORDERS);
      // Enough for the app and a batch, not for all orders at once.
      process = await AppProcess.start({ DATABASE_URL: running.database.url, NODE_OPTIONS: '--max-old-space-size=96' });
    });
    afterAll(() => process.end());

    const read = async (path: string) => {
      const [response] = (await once(get(process.api.url + path), 'response')) as [import('node:http').IncomingMessage];
      return response;
    };

    it('has each once, whole, for a reader that stops now and then, in bounded memory', async () => {
      const response = await read(`/v1/events/${eventId}/orders.csv`);
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) {
        text += chunk as string;
        if (Math.random() < 0.005) await sleep(20);
      }
      const sequences = text
        .split('\r\n')
        .slice(1, -1)
        .map((line) => Number(line.split(',')[1]));
      expect(sequences).toEqual(Array.from({ length: ORDERS }, (_, index) => index + 1));
    });

    it('a reader that goes away ends it, without harm', async () => {
      const response = await read(`/v1/events/${eventId}/orders.csv`);
      await once(response, 'data');
      response.destroy();
      await sleep(200);
      expect((await process.api.get(`/v1/events/${eventId}`)).status).toBe(200);
      expect(process.printed).not.toContain('failed with 500');
    });
  });
});
