import { createHash } from 'node:crypto';
import { PersonalDataHolders } from '../../src/platform/personal-data/personal-data-holders.js';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { eventOnSale } from '../support/factories.js';
import { assertVouchersAreRight, bookWithVoucher, createVoucher, redemptionsOf } from '../support/vouchers.js';

describe('who else holds personal data', () => {
  let running: TestApp;
  let api: ApiClient;

  beforeAll(async () => {
    running = await startApp();
    api = running.api;
  });
  afterAll(() => running.close());

  const erase = (person: object) => api.post('/v1/customers/erase', person);

  it('leaves no hash of the person with their vouchers, and the redemptions as they were', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const email = 'voucher@example.com';
    await createVoucher(api, eventId, { maxPerCustomer: 2 });
    const use = () => bookWithVoucher(api, eventId, { [ticketTypeId]: 1 }, { customer: { email } });
    const { body: order } = await use();
    const hashes = async () =>
      (await running.database.sql('select customer_hash from voucher_redemptions where event_id = $1', [eventId])).map(
        (row) => row.customer_hash as string,
      );
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(await hashes()).toEqual([sha256(`email:${email}`)]);
    const { body } = await erase({ email });
    expect(await hashes()).toEqual([sha256(`email:${body.pseudonym}@erased.invalid`)]);
    expect(await redemptionsOf(api, eventId)).toBe(1);
    expect((await api.post(`/v1/orders/${order.id}/cancel`)).status).toBe(200);
    expect(await redemptionsOf(api, eventId)).toBe(0);
    await assertVouchersAreRight(running.database);
  });

  it('tells every holder of personal data, in the transaction of the orders and after it', async () => {
    const told: string[] = [];
    running.app.get(PersonalDataHolders).register({
      eraseOrders: async (em, { orderIds }, { withoutPerson }) => {
        const [row] = await em.execute<Array<{ customer_email: string }>>('select customer_email from orders where id = ?', [
          orderIds[0],
        ]);
        told.push(`${orderIds.length} orders, of ${row!.customer_email.replace(/-.*@/, '@')}`);
        const order = { id: orderIds[0], customer: { email: 'holder@example.com' }, metadata: { a: 'b' }, cancelReason: null };
        told.push(
          JSON.stringify(withoutPerson({ data: [order, { ...order, id: 'other' }] })).replaceAll(
            /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
            'ID',
          ),
        );
      },
      eraseRest: (ofEvents, { actors }) => {
        told.push(`rest of ${ofEvents.length} event, ${actors.size} actors`);
        return Promise.resolve();
      },
    });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await api.book(eventId, { [ticketTypeId]: 1 }, { email: 'holder@example.com' });
    await erase({ email: 'holder@example.com' });
    expect(told).toEqual([
      '1 orders, of erased@erased.invalid',
      '{"data":[{"id":"ID","customer":{"email":"erased-ID@erased.invalid","name":null},"metadata":{},"cancelReason":null},' +
        '{"id":"other","customer":{"email":"holder@example.com"},"metadata":{"a":"b"},"cancelReason":null}]}',
      'rest of 1 event, 0 actors',
    ]);
  });
});
