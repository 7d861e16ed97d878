import { randomUUID } from 'node:crypto';
import { eventOnSale } from '../factories.js';
import type { ModuleContract } from '../module-contract.js';
import { bookWithVoucher, createVoucher } from '../vouchers.js';

const UNKNOWN = '019a0000-0000-7000-8000-0000000000ff';

const MONEY = { amount: 4500, currency: 'EUR' };

export const contract: ModuleContract = {
  bodies: {
    createVoucher: { code: 'NEW', discount: { amount: MONEY } },
    updateVoucher: { discount: { amount: MONEY } },
  },

  async rows(api, eventId) {
    return { voucherId: (await createVoucher(api, eventId, { code: randomUUID() })).body.id };
  },

  async provoke(api) {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const path = `/v1/events/${eventId}/vouchers`;
    for (const code of ['SPRING', 'SPRING']) await createVoucher(api, eventId, { code, maxPerCustomer: 1, maxRedemptions: 2 });
    const { id } = (await api.get(path)).body.items[0];
    await createVoucher(api, eventId, { code: 'OTHER', ticketTypeIds: [UNKNOWN] });
    const book = (email: string, voucherCode = 'SPRING') =>
      bookWithVoucher(api, eventId, { [ticketTypeId]: 1 }, { customer: { email }, voucherCode });
    for (const email of ['ada@example.com', 'ada@example.com', 'grace@example.com', 'linus@example.com']) await book(email);
    await book('ada@example.com', 'UNKNOWN');
    await api.patch(`${path}/${id}`, { maxRedemptions: 1 }, { 'if-match': '*' });
    await api.send('DELETE', `${path}/${id}`);
    await api.get(`${path}/${id}`, { 'if-none-match': '*' });
    await api.get(`${path}/${UNKNOWN}`);
    await api.get(`${path}?limit=1`);
  },
};
