import { randomUUID } from 'node:crypto';
import type { ApiClient } from './client.js';
import type { TestDatabase } from './database.js';

/** Creates the voucher SPRING: ten per cent off, unless something else is given. */
export function createVoucher(api: ApiClient, eventId: string, voucher: Record<string, unknown> = {}) {
  return api.post(`/v1/events/${eventId}/vouchers`, { code: 'SPRING', discount: { percent: 10 }, ...voucher });
}

/** Books with the voucher SPRING, unless something else is given. */
export function bookWithVoucher(
  api: ApiClient,
  eventId: string,
  items: Record<string, number>,
  more: Record<string, unknown> = {},
  key: string = randomUUID(),
) {
  const body = {
    items: Object.entries(items).map(([ticketTypeId, quantity]) => ({ ticketTypeId, quantity })),
    customer: { email: 'ada@example.com' },
    voucherCode: 'SPRING',
    ...more,
  };
  return api.post(`/v1/events/${eventId}/bookings`, body, { 'idempotency-key': key });
}

/** How many live orders use the newest voucher of the event. */
export async function redemptionsOf(api: ApiClient, eventId: string): Promise<number> {
  return (await api.get(`/v1/events/${eventId}/vouchers`)).body.items[0].redemptions;
}

/** @throws Error when a counter of a voucher is not what its rows or the orders say, or an invariant of the core is broken */
export async function assertVouchersAreRight(database: TestDatabase): Promise<void> {
  const broken = await database.sql(
    `select v.code, v.redemptions from vouchers v
      where v.redemptions <> (select count(*) from voucher_redemptions r where r.voucher_id = v.id)
         or v.redemptions <> (select count(*) from orders o where o.extensions -> 'voucher' ->> 'voucherId' = v.id::text
                                 and o.status in ('held', 'confirmed'))`,
  );
  if (broken.length > 0) throw new Error(`Vouchers that are wrong: ${JSON.stringify(broken)}`);
  await database.assertInvariants();
}
