import { MikroORM } from '@mikro-orm/postgresql';
import { startApp, type TestApp } from '../support/app.js';
import { TestDatabase } from '../support/database.js';
import { createEvent, eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { IdentityProvider } from '../support/identity-provider.js';
import { OwnServer } from '../support/own-server.js';
import { PostgresProxy } from '../support/postgres-proxy.js';
import { Replica } from '../support/replica.js';

const STATEMENT_MAX_MS = 2_000;
/** What a read may take in all when the replica does not answer. Generous: on an idle machine it is a second more than the above. */
const FROZEN_READ_MAX_MS = 30_000;

describe('with a read replica', () => {
  let provider: IdentityProvider;
  let primary: OwnServer;
  let replica: Replica;
  let proxy: PostgresProxy;
  let running: TestApp;
  let eventId: string;
  let ticketTypeId: string;

  beforeAll(async () => {
    primary = await OwnServer.start();
    replica = await Replica.start(primary.url);
    proxy = await PostgresProxy.start(replica.url);
    provider = await IdentityProvider.start();
    running = await startApp({ ...provider.environment, DATABASE_REPLICA_URLS: proxy.url }, await TestDatabase.open(primary.url));
    ({ eventId, ticketTypeId } = await eventOnSale(running.api, [1_000]));
  });
  afterAll(async () => {
    await running?.close();
    await running?.database.leave();
    await proxy?.close();
    await replica?.remove();
    await primary?.remove();
    await provider?.stop();
  });

  const book = async (): Promise<string> => (await running.api.book(eventId, { [ticketTypeId]: 2 })).body.id;
  const listed = async (api = running.api): Promise<string[]> => {
    const { status, body } = await api.get(`/v1/orders?eventId=${eventId}&limit=200`);
    expect(status).toBe(200);
    return body.items.map(({ id }: { id: string }) => id);
  };
  const exported = async () => {
    const response = await fetch(`${running.url}/v1/events/${eventId}/orders.csv`, { headers: running.api.authorization });
    return response.text();
  };

  it('lists and exports show what it has; what is asked for by its id is there at once', async () => {
    const before = await book();
    await replica.catchUp(primary.url);
    await replica.pauseReplay();
    try {
      const after = await book();
      expect(await listed()).toEqual([before]);
      const csv = await exported();
      expect([csv.includes(before), csv.includes(after)]).toEqual([true, false]);

      const found = await running.api.get(`/v1/orders/${after}`);
      expect([found.status, found.body.items[0].quantity]).toEqual([200, 2]);
      expect((await running.api.get(`/v1/orders/${after}/history`)).body.items).toHaveLength(1);
      const { body } = await running.api.get(`/v1/events/${eventId}/availability`);
      expect(body.ticketTypes[0].sold).toBe(4);
      await replica.resumeReplay();
      await replica.catchUp(primary.url);
      expect(await listed()).toEqual([after, before]);
    } finally {
      await replica.resumeReplay();
    }
  });

  it('those who make events find them in the list at once, the public when the replica has them', async () => {
    await replica.catchUp(primary.url);
    await replica.pauseReplay();
    try {
      const { eventId: made } = await eventOnSale(running.api, [10], { name: 'New' });
      const names = async (api: typeof running.api) => {
        const { body } = await api.get(`/v1/events?limit=200`);
        return body.items.map(({ id }: { id: string }) => id).includes(made);
      };
      expect([await names(running.api), await names(running.api.as(null))]).toEqual([true, false]);
      await replica.resumeReplay();
      await eventually('the public sees it', () => names(running.api.as(null)));
    } finally {
      await replica.resumeReplay();
    }
  });

  it('customers find what they have just booked in their list, which staff see when the replica has it', async () => {
    const customer = running.api.as(await provider.token({ sub: 'ada' }));
    await replica.catchUp(primary.url);
    await replica.pauseReplay();
    try {
      const booked = await customer.book(eventId, { [ticketTypeId]: 1 });
      expect(booked.status).toBe(201);
      expect(await listed(customer)).toEqual([booked.body.id]);
      expect(await listed()).not.toContain(booked.body.id);
      await replica.resumeReplay();
      await eventually('staff see it', async () => (await listed()).includes(booked.body.id));
    } finally {
      await replica.resumeReplay();
    }
  });

  it('all else, and all that is written, goes to the primary', async () => {
    // A standby refuses writes, so each of these would fail there.
    const draft = await createEvent(running.api);
    expect((await running.api.get(`/v1/events/${draft}`)).status).toBe(200);
    expect((await running.api.get('/v1/api-keys')).status).toBe(200);
    expect((await running.api.post(`/v1/orders/${await book()}/cancel`)).status).toBe(200);
    const { em } = running.app.get(MikroORM);
    const [here] = await em.fork().execute<Array<{ replica: boolean }>>('select pg_is_in_recovery() as replica');
    expect(here).toEqual({ replica: false });
  });

  it('lists come from the primary while it is frozen, bookings go on, and it is asked again when it has thawed', async () => {
    const app = await startApp(
      { DATABASE_REPLICA_URLS: proxy.url, DATABASE_STATEMENT_TIMEOUT_MS: String(STATEMENT_MAX_MS) },
      running.database,
    );
    try {
      await replica.catchUp(primary.url);
      // From here on it has a connection to the replica.
      await listed(app.api);
      replica.freeze();
      try {
        const after = await book();
        const askedAt = performance.now();
        const waiting = listed(app.api);
        expect((await app.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
        expect(await waiting).toContain(after);
        const tookMs = performance.now() - askedAt;
        // Less than the time-out would mean that it was not asked at all.
        expect(tookMs).toBeGreaterThan(STATEMENT_MAX_MS);
        expect(tookMs).toBeLessThan(FROZEN_READ_MAX_MS);
        // Now it is left alone for a while.
        const several = await Promise.all(Array.from({ length: 10 }, () => listed(app.api)));
        expect(several.filter((ids) => !ids.includes(after))).toEqual([]);
      } finally {
        replica.thaw();
      }
      await replica.catchUp(primary.url);
      await replica.pauseReplay();
      const unseen = await book();
      await eventually('lists come from the replica again', async () => !(await listed(app.api)).includes(unseen));
    } finally {
      await replica.resumeReplay();
      await app.close();
    }
  });

  it('lists come from the primary while it is dead, and from it again when it is back', async () => {
    await replica.catchUp(primary.url);
    await proxy.close();
    await replica.crash();
    const after = await book();
    expect(await listed()).toContain(after);
    expect(await exported()).toContain(after);

    await replica.startAgain();
    await proxy.listen(replica.url);
    await replica.catchUp(primary.url);
    await replica.pauseReplay();
    try {
      const unseen = await book();
      await eventually('lists come from the replica again', async () => !(await listed()).includes(unseen));
      expect(await listed()).toContain(after);
    } finally {
      await replica.resumeReplay();
    }
  });

  it('the app starts while it is dead', async () => {
    await proxy.close();
    const second = await startApp({ DATABASE_REPLICA_URLS: proxy.url }, running.database);
    try {
      expect((await second.api.get(`/v1/orders?eventId=${eventId}`)).status).toBe(200);
    } finally {
      await second.close();
    }
  });
});
