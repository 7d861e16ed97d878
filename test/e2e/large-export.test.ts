import { get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { insertOrders } from '../support/orders.js';
import { AppProcess } from '../support/process.js';

const ORDERS = 60_000;

describe('the export of 60,000 orders', () => {
  let running: TestApp;
  let eventId: string;
  let process: AppProcess;

  beforeAll(async () => {
    running = await startApp();
    const sale = await eventOnSale(running.api, [ORDERS]);
    eventId = sale.eventId;
    await insertOrders(running.database, eventId, sale.ticketTypeId, ORDERS);
    // Enough for the app and a batch, not for all orders at once.
    process = await AppProcess.start({ DATABASE_URL: running.database.url, NODE_OPTIONS: '--max-old-space-size=96' });
  });
  afterAll(async () => {
    await process.end();
    await running.close();
  });

  const read = async (path: string) => {
    const [response] = (await once(get(process.api.url + path, { headers: process.api.authorization }), 'response')) as [
      IncomingMessage,
    ];
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
