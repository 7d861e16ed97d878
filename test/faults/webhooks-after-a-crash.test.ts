import { jest } from '@jest/globals';
import { WEBHOOK_SECRET_KEY } from '../support/app.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { AppProcess } from '../support/process.js';
import { verify, WebhookReceiver } from '../support/webhook-receiver.js';
import { relayHasBegun } from '../support/webhook-setting.js';

const VARIABLES = { WEBHOOK_ALLOW_PRIVATE_NETWORKS: 'true', WEBHOOK_SECRET_KEY };

let database: TestDatabase;
let receiver: WebhookReceiver;
let process_: AppProcess;
let secret: string;

/** A job that was under way is given to another process after 10 to 20 seconds. */
jest.setTimeout(120_000);

const start = () => AppProcess.start({ DATABASE_URL: database.url, ...VARIABLES });

beforeEach(async () => {
  database = await TestDatabase.create();
  receiver = await WebhookReceiver.start();
  process_ = await start();
  const { body } = await process_.api.post('/v1/webhook-endpoints', { url: receiver.url });
  secret = body.secret;
  await relayHasBegun(database);
});
afterEach(async () => {
  await process_.end('SIGKILL');
  await receiver.stop();
  await database.drop();
});

const factIds = async () =>
  (await database.sql<{ id: string }>('select id from domain_events order by transaction_id, position')).map(({ id }) => id);

/** Each fact of the database has arrived, and of each order in the order of its sequence, repeats aside. */
async function assertAllArrived(): Promise<void> {
  const facts = await factIds();
  await receiver.until(() => facts.every((id) => receiver.ids.includes(id)));
  expect(new Set(receiver.ids)).toEqual(new Set(facts));
  for (const one of receiver.received) verify(secret, one);
  const sequences = await database.sql<{ id: string; order_id: string; sequence: number }>(
    'select id, order_id, sequence from domain_events where order_id is not null',
  );
  const of = new Map(sequences.map((row) => [row.id, row]));
  const firstArrivals = [...new Set(receiver.ids)].flatMap((id) => of.get(id) ?? []);
  for (const rows of Map.groupBy(firstArrivals, ({ order_id }) => order_id).values()) {
    const found = rows.map(({ sequence }) => sequence);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
  }
}

it('a crash between the commit and the delivery: everything arrives after the next start', async () => {
  const { eventId, ticketTypeId } = await eventOnSale(process_.api);
  await receiver.until(() => receiver.received.length >= 2);
  receiver.answer = (_, response) => response.destroy();
  const { body } = await process_.api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
  await process_.api.post(`/v1/orders/${body.id}/confirm`);
  await process_.end('SIGKILL');
  receiver.answer = (_, response) => response.end();
  process_ = await start();
  await assertAllArrived();
});

it('a crash during the delivery: what was under way is sent again', async () => {
  const { eventId, ticketTypeId } = await eventOnSale(process_.api);
  await receiver.until(() => receiver.received.length >= 2);
  receiver.reset();
  receiver.answer = () => {};
  for (let count = 0; count < 5; count++) await process_.api.book(eventId, { [ticketTypeId]: 1 });
  await receiver.until(() => receiver.received.length === 5);
  const underWay = receiver.ids;
  await process_.end('SIGKILL');
  receiver.reset();
  process_ = await start();
  await receiver.until(() => underWay.every((id) => receiver.ids.includes(id)));
  for (const one of receiver.received) verify(secret, one);
  await eventually('nothing is left to do', async () => {
    const open = await database.sql(`select from webhook_deliveries where status <> 'succeeded'`);
    return open.length === 0;
  });
});

it('crashes in the middle of a sale: each fact arrives, in order per order', async () => {
  const { eventId, ticketTypeId } = await eventOnSale(process_.api, [10_000]);
  const buy = async () => {
    for (let count = 0; count < 10; count++) {
      const held = await process_.api.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
      await process_.api.post(`/v1/orders/${held.body.id}/confirm`);
      await process_.api.post(`/v1/orders/${held.body.id}/cancel`);
    }
  };
  for (let crash = 0; crash < 2; crash++) {
    const seen = receiver.received.length;
    const buying = Promise.allSettled(Array.from({ length: 8 }, buy));
    await receiver.until(() => receiver.received.length >= seen + 25);
    await process_.end('SIGKILL');
    await buying;
    process_ = await start();
  }
  await assertAllArrived();
  expect(await database.brokenInvariants()).toEqual([]);
});
