/** A request that must be refused. In `path`, `{event}`, `{type}`, `{order}` stand for ids of rows that exist. */
export interface BadInput {
  method: string;
  path: string;
  /** JSON text. */
  body?: string;
  headers?: Record<string, string>;
  status: number;
  code: string;
}

export const UUID = '019a0000-0000-7000-8000-0000000000ff';
export const bad = (request: Omit<BadInput, 'status' | 'code'>, status = 400, code = 'validation-failed'): BadInput => ({
  ...request,
  status,
  code,
});
export const malformed = (request: Omit<BadInput, 'status' | 'code'>) => bad(request, 400, 'malformed-request');

export const GOOD = {
  event: { name: 'Concert', startsAt: '2031-06-19T18:00:00Z', timeZone: 'Europe/Berlin', currency: 'EUR' },
  ticketType: { name: 'Standard', price: { amount: 4500, currency: 'EUR' }, capacity: 10 },
  item: { ticketTypeId: '{type}', quantity: 1 },
  customer: { email: 'ada@example.com' },
};
export const GOOD_BOOKING = { items: [GOOD.item], customer: GOOD.customer };
export const ANY = { 'if-match': '*' };
export const KEY = { 'idempotency-key': 'bad-input' };
export const EVENT = '/v1/events/{event}';
export const TYPE = `${EVENT}/ticket-types/{type}`;

export const post = (path: string, body: string) => ({ method: 'POST', path, body, headers: KEY });
export const patch = (path: string, body: string) => ({ method: 'PATCH', path, body, headers: ANY });
export const get = (path: string) => ({ method: 'GET', path });
