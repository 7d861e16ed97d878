import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient, Reply } from '../support/client.js';
import { createEvent, createTicketType, eventOnSale } from '../support/factories.js';
import { insertOrders, makeOverdue } from '../support/orders.js';
import { problemOf } from '../support/problems.js';

const HEADER =
  'order_id,sequence,status,created_at,confirmed_at,cancelled_at,cancel_reason,payment_reference,' +
  'customer_email,customer_name,ticket_type_id,ticket_type,quantity,unit_price_amount,subtotal_amount,currency,order_total_amount';
const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';

describe('the export of orders', () => {
  let running: TestApp;
  let api: ApiClient;

  const exported = async (eventId: string) => {
    const response = await fetch(`${running.url}/v1/events/${eventId}/orders.csv`, { headers: running.api.authorization });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  /** The lines after the header. Not for cells with line breaks. */
  const linesOf = async (eventId: string): Promise<string[]> => {
    const [header, ...lines] = (await exported(eventId)).text.split('\r\n');
    expect([header, lines.pop()]).toEqual([HEADER, '']);
    return lines;
  };
  const book = (eventId: string, ticketTypeId: string, customer: object, more: object = {}): Promise<Reply> =>
    api.post(
      `/v1/events/${eventId}/bookings`,
      { items: [{ ticketTypeId, quantity: 1 }], customer, ...more },
      { 'idempotency-key': randomUUID() },
    );

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  it('is a CSV file with a header, also when there is no order', async () => {
    const { eventId } = await eventOnSale(api);
    const { status, headers, text } = await exported(eventId);
    expect([status, text]).toEqual([200, `${HEADER}\r\n`]);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(headers.get('content-disposition')).toBe(`attachment; filename=orders-${eventId}.csv`);
    expect(headers.get('x-request-id')).toEqual(expect.any(String));
  });

  it('is as the OpenAPI document says', async () => {
    const { eventId } = await eventOnSale(api);
    const { headers, text } = await exported(eventId);
    const { body } = await api.get('/openapi.json');
    const documented = body.paths['/v1/events/{eventId}/orders.csv'].get.responses['200'];
    expect(headers.get('content-disposition')).toMatch(new RegExp(documented.headers['Content-Disposition'].schema.pattern));
    expect(text).toMatch(new RegExp(documented.content['text/csv'].schema.pattern));
  });

  it('has a line for every item, in the order of the bookings', async () => {
    const eventId = await createEvent(api);
    const seat = await createTicketType(api, eventId, { name: 'Seat', capacity: 10 });
    const lawn = await createTicketType(api, eventId, { name: 'Lawn', capacity: 10, price: { amount: 1250, currency: 'EUR' } });
    await api.post(`/v1/events/${eventId}/publish`);
    const first = (await api.book(eventId, { [lawn]: 2, [seat]: 1 })).body;
    const second = (await api.book(eventId, { [seat]: 3 }, { holdSeconds: 60 })).body;
    const confirmed = (await api.post(`/v1/orders/${second.id}/confirm`, { paymentReference: 'pay_1' })).body;
    const cancelled = (await api.post(`/v1/orders/${first.id}/cancel`, { reason: 'ill' })).body;
    const start = `${first.id},1,cancelled,${first.createdAt},${first.confirmedAt},${cancelled.cancelledAt},ill,`;
    expect(await linesOf(eventId)).toEqual([
      `${start},ada@example.com,Ada,${lawn},Lawn,2,1250,2500,EUR,7000`,
      `${start},ada@example.com,Ada,${seat},Seat,1,4500,4500,EUR,7000`,
      `${second.id},2,confirmed,${second.createdAt},${confirmed.confirmedAt},,,pay_1,ada@example.com,Ada,${seat},Seat,3,4500,13500,EUR,13500`,
    ]);
  });

  it('tells what the order costs in each of its lines, with its adjustments', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await api.post(`/v1/events/${eventId}/vouchers`, { code: 'TENTH', discount: { percent: 10 } });
    const customer = { email: 'ada@example.com' };
    const { body } = await book(eventId, ticketTypeId, customer, { voucherCode: 'TENTH' });
    const [line] = await linesOf(eventId);
    expect(line).toMatch(/,1,4500,4500,EUR,4050$/);
    expect(body.total.amount).toBe(4050);
  });

  it('shows a hold past its end as expired, and leaves out the orders of other events', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const other = await eventOnSale(api);
    await api.book(other.eventId, { [other.ticketTypeId]: 1 });
    const late = await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
    await api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
    await makeOverdue(running.database, late.body.id);
    expect((await linesOf(eventId)).map((line) => line.split(',')[2])).toEqual(['expired', 'held']);
  });

  it('quotes what needs it', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await book(eventId, ticketTypeId, { email: 'ada@example.com', name: 'Lovelace, "Ada"\nCountess' });
    await book(eventId, ticketTypeId, { email: 'c@example.com', name: 'Ada\nLovelace' });
    await book(eventId, ticketTypeId, { email: 'd@example.com', name: 'Ada\rLovelace' });
    await book(eventId, ticketTypeId, { email: 'a@example.com', name: 'Zoë 😀' });
    await book(eventId, ticketTypeId, { email: 'b@example.com' });
    const { text } = await exported(eventId);
    expect(text).toContain(`,ada@example.com,"Lovelace, ""Ada""\nCountess",${ticketTypeId},`);
    expect(text).toContain(`,c@example.com,"Ada\nLovelace",${ticketTypeId},`);
    expect(text).toContain(`,d@example.com,"Ada\rLovelace",${ticketTypeId},`);
    expect(text).toContain(`,a@example.com,Zoë 😀,${ticketTypeId},`);
    expect(text).toContain(`,b@example.com,,${ticketTypeId},`);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '=cmd|"/c calc"!A1', '＝1+1'])(
    'makes the formula %j harmless, in names, reasons and payment references',
    async (formula) => {
      const { eventId, ticketTypeId } = await eventOnSale(api);
      const ordered = await book(eventId, ticketTypeId, { email: 'ada@example.com', name: formula }, { hold: { seconds: 60 } });
      const path = `/v1/orders/${ordered.body.id}`;
      expect((await api.post(`${path}/confirm`, { paymentReference: formula })).status).toBe(200);
      expect((await api.post(`${path}/cancel`, { reason: formula })).status).toBe(200);
      const { text } = await exported(eventId);
      const cell = /["\r\n]/.test(formula) ? `"'${formula.replaceAll('"', '""')}"` : `'${formula}`;
      expect(text.split(cell)).toHaveLength(4);
    },
  );

  it('has every order once when there are more than one batch of them', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [3_000]);
    const ids = await insertOrders(running.database, eventId, ticketTypeId, 2_001);
    const { id } = (await api.book(eventId, { [ticketTypeId]: 1 })).body;
    expect((await linesOf(eventId)).map((line) => line.split(',')[0])).toEqual([...ids, id]);
  });

  it.each([999, 1_000, 1_001])('has all of %d orders', async (count) => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [3_000]);
    await insertOrders(running.database, eventId, ticketTypeId, count);
    expect(await linesOf(eventId)).toHaveLength(count);
  });

  it('survives a reader that goes away', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api, [10_000]);
    await insertOrders(running.database, eventId, ticketTypeId, 6_000);
    const abort = new AbortController();
    const response = await fetch(`${running.url}/v1/events/${eventId}/orders.csv`, {
      signal: abort.signal,
      headers: running.api.authorization,
    });
    await response.body!.getReader().read();
    abort.abort();
    expect(await linesOf(eventId)).toHaveLength(6_000);
  });

  it('of an unknown event: event-not-found', async () => {
    expect(problemOf(await api.get(`/v1/events/${UNKNOWN}/orders.csv`))).toEqual({ status: 404, code: 'event-not-found' });
  });

  it('and no invariant is broken after all this', async () => {
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
