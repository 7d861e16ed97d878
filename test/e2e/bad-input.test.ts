import { startApp, type TestApp } from '../support/app.js';
import { BAD_ADDRESSES, BAD_HEADERS } from '../support/bad-addresses.js';
import { BAD_BODIES } from '../support/bad-bodies.js';
import { type BadInput, GOOD } from '../support/bad-input.js';
import { checksums } from '../support/checksums.js';
import { eventOnSale } from '../support/factories.js';
import { problemOf } from '../support/problems.js';

describe('bad input', () => {
  let running: TestApp;
  let before: Record<string, string>;
  const ids: Record<string, string> = {};

  const fill = (text: string) => text.replaceAll(/\{(event|type|order)\}/g, (_, name: string) => ids[name]!);

  beforeAll(async () => {
    running = await startApp();
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    const order = await running.api.book(eventId, { [ticketTypeId]: 1 });
    Object.assign(ids, { event: eventId, type: ticketTypeId, order: order.body.id });
    before = await checksums(running.database);
  });
  afterAll(() => running.close());

  const named = (inputs: BadInput[]) =>
    inputs.map((input): [string, BadInput] => {
      const { method, path, body = '', headers } = input;
      const sent = [method, path, body, headers?.['if-match']].filter(Boolean).join(' ');
      return [sent.length > 150 ? `${sent.slice(0, 120)} … ${sent.slice(-20)}` : sent, input];
    });

  describe.each([
    ['bodies', BAD_BODIES],
    ['addresses', BAD_ADDRESSES],
    ['headers', BAD_HEADERS],
  ])('%s', (_, inputs) => {
    it.each(named(inputs))('%s', async (_name, { method, path, body, headers, status, code }) => {
      const reply = await running.api.send(method, fill(path), body === undefined ? undefined : fill(body), headers);
      expect(problemOf(reply)).toMatchObject({ status, code });
      expect(await checksums(running.database)).toEqual(before);
    });
  });

  it('and what the bad bodies were made of is good', async () => {
    const { api } = running;
    const booking = JSON.stringify({ items: [GOOD.item], customer: GOOD.customer });
    const replies = [
      await api.post('/v1/events', GOOD.event),
      await api.post(`/v1/events/${ids['event']}/ticket-types`, GOOD.ticketType),
      await api.post(`/v1/events/${ids['event']}/bookings`, fill(booking), { 'idempotency-key': 'bad-input' }),
      await api.patch(`/v1/events/${ids['event']}`, {}, { 'if-match': '*' }),
      await api.post(`/v1/orders/${ids['order']}/cancel`, { reason: 'ill' }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 200, 200]);
    expect(await checksums(running.database)).not.toEqual(before);
    expect(await running.database.brokenInvariants()).toEqual([]);
  });
});
