import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionCircuit } from '../../src/platform/database/connection-circuit.js';
import { startApp, type TestApp } from '../support/app.js';
import { countByStatus, type Reply } from '../support/client.js';
import { DeadAddress } from '../support/dead-address.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually, holdEventLock, untilReady } from '../support/faults.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

const CLIENTS = 200;
const POOL_MAX = 5;
const OBSERVED_SECONDS = 4;
/** A probe comes at most every 800 ms from the fifth on; a stall of the machine may move the first four into the next second. */
const PROBES_PER_SECOND_MAX = 6;

describe('while the database is away', () => {
  let running: TestApp;
  let proxy: PostgresProxy;

  beforeAll(async () => {
    const database = await TestDatabase.create();
    proxy = await PostgresProxy.start(database.url);
    const variables = { DATABASE_POOL_MAX: String(POOL_MAX), DATABASE_CONNECT_TIMEOUT_MS: '1500' };
    running = await startApp({ DATABASE_URL: proxy.url, ...variables }, database);
  });
  afterAll(async () => {
    await running.close();
    await proxy.close();
    await running.database.drop();
  });

  /** Lets clients ask until `work` is done. @returns their answers from the time at which the circuit is open */
  async function underLoad(ask: () => Promise<Reply>, work: () => Promise<void>): Promise<Reply[]> {
    const replies: Reply[] = [];
    const load = { over: false };
    const circuit = running.app.get(ConnectionCircuit);
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!load.over) {
        const wasOpen = circuit.isOpen;
        const reply = await ask();
        if (wasOpen) replies.push(reply);
      }
    });
    await eventually('the circuit is open', () => Promise.resolve(circuit.isOpen));
    await work();
    load.over = true;
    await Promise.all(clients);
    return replies;
  }

  it('200 clients make no storm of connections, and the app recovers by itself', async () => {
    const { api } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const url = proxy.url;
    await proxy.close();
    const dead = await DeadAddress.at(url, 'hangs-up');
    const replies = await underLoad(
      () => api.book(eventId, { [ticketTypeId]: 1 }),
      () => sleep(OBSERVED_SECONDS * 1000),
    );
    await dead.close();
    expect(countByStatus(replies)).toEqual({ 503: replies.length });
    expect(new Set(replies.map(({ body }) => body.code))).toEqual(new Set(['database-unavailable']));
    for (const { headers } of replies) expect(headers.get('retry-after')).toMatch(/^[1-3]$/);
    expect(replies.length).toBeGreaterThan(CLIENTS * 2);
    const [first = 0] = dead.attempts;
    const perSecond = Array.from(
      { length: OBSERVED_SECONDS - 1 },
      (_, index) => dead.attempts.filter((at) => Math.floor((at - first) / 1000) === index + 1).length,
    );
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(PROBES_PER_SECOND_MAX);
    // It goes on trying.
    expect(dead.attempts.length).toBeGreaterThan(4);

    await proxy.listen();
    await untilReady(api);
    expect((await api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
  });

  it('requests are answered although the address does not answer at all, and one probe waits there at a time', async () => {
    const { api } = running;
    const { eventId } = await eventOnSale(api);
    const url = proxy.url;
    await proxy.close();
    const dead = await DeadAddress.at(url, 'is-silent');
    let mostWaiting = 0;
    let answeredDuringProbe = 0;
    const replies = await underLoad(
      async () => {
        const reply = await api.get(`/v1/events/${eventId}`);
        if (dead.waiting > 0) answeredDuringProbe += 1;
        return reply;
      },
      async () => {
        await eventually('those that came first have given up', () => Promise.resolve(dead.waiting === 0));
        const before = dead.attempts.length;
        // Beside the first may be a connection that was begun just before the circuit opened.
        await eventually('three probes', () => {
          if (dead.attempts.length > before + 1) mostWaiting = Math.max(mostWaiting, dead.waiting);
          return Promise.resolve(dead.attempts.length >= before + 3);
        });
      },
    );
    await dead.close();
    expect(countByStatus(replies)).toEqual({ 503: replies.length });
    expect(answeredDuringProbe).toBeGreaterThan(0);
    expect(mostWaiting).toBe(1);
    await proxy.listen();
    await untilReady(api);
    expect((await api.get(`/v1/events/${eventId}`)).status).toBe(200);
  });
});

describe('a network that is split while connections are in use', () => {
  it('who waits is answered as soon as readiness has noticed, who comes later at once, and it recovers by itself', async () => {
    const database = await TestDatabase.create();
    const proxy = await PostgresProxy.start(database.url);
    const running = await startApp(
      { DATABASE_URL: proxy.url, DATABASE_POOL_MAX: '2', DATABASE_CONNECT_TIMEOUT_MS: '500', DATABASE_QUERY_TIMEOUT_MS: '45000' },
      database,
    );
    const { api, app } = running;
    const { eventId } = await eventOnSale(api);
    // Without a key: look-ups of keys are shared, so all with one would hang on the connections that are in use.
    const read = () => api.as(null).get(`/v1/events/${eventId}`);
    try {
      proxy.goSilent();
      const hanging = Array.from({ length: 20 }, read);
      const answered: Reply[] = [];
      for (const reply of hanging) void reply.then((one) => answered.push(one));
      expect((await api.as(null).get('/health/ready')).status).toBe(503);
      await eventually('the circuit is open', () => Promise.resolve(app.get(ConnectionCircuit).isOpen));
      await eventually('all but those on the two connections are answered', () => Promise.resolve(answered.length >= 18));
      // A job of the app may have one of the two.
      expect(countByStatus(answered)).toEqual({ 503: answered.length });
      expect((await read()).body.code).toBe('database-unavailable');
      proxy.speakAgain();
      await untilReady(api);
      await Promise.all(hanging);
      expect((await read()).status).toBe(200);
    } finally {
      await running.close();
      await proxy.close();
      await database.drop();
    }
  });
});

describe('what goes wrong on a connection does not open the circuit', () => {
  let running: TestApp;
  let circuit: ConnectionCircuit;

  beforeAll(async () => {
    running = await startApp({ DATABASE_LOCK_TIMEOUT_MS: '50', TRANSACTION_RETRIES: '1', LANE_BATCH_MAX: '1' });
    circuit = running.app.get(ConnectionCircuit);
  });
  afterAll(() => running.close());

  async function booksElsewhere(): Promise<void> {
    const { eventId, ticketTypeId } = await eventOnSale(running.api);
    expect((await running.api.book(eventId, { [ticketTypeId]: 1 })).status).toBe(201);
    expect(circuit.isOpen).toBe(false);
  }

  it('the lock time-outs of one event', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const lock = await holdEventLock(database, eventId);
    const replies = await Promise.all(Array.from({ length: 10 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
    await booksElsewhere();
    await lock.release();
    expect(new Set(replies.map(({ body }) => body.code))).toEqual(new Set(['overloaded']));
  });

  it('a command that always fails, and statements that were cancelled or whose connection was terminated', async () => {
    const { api, database } = running;
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await database.sql(`create function poisonous() returns trigger language plpgsql as $$ begin
      if new.customer_email like 'bug%' then raise 'poison'; end if;
      if new.customer_email like 'slow%' then raise query_canceled; end if;
      if new.customer_email like 'dead%' then perform pg_terminate_backend(pg_backend_pid()); end if;
      return new; end $$`);
    await database.sql('create trigger poisonous before insert on orders for each row execute function poisonous()');
    for (const [name, status] of Object.entries({ bug: 500, slow: 503, dead: 503 })) {
      const email = `${name}@example.com`;
      const replies = await Promise.all(
        Array.from({ length: 10 }, () => api.book(eventId, { [ticketTypeId]: 1 }, { email, key: randomUUID() })),
      );
      expect(countByStatus(replies)).toEqual({ [status]: 10 });
      await booksElsewhere();
    }
  });
});

describe('a server that has no connection left for this app', () => {
  it('the connections that are there do the work of all', async () => {
    const database = await TestDatabase.create();
    const role = `${database.name}_app`;
    // Two of them are for jobs.
    await database.sql(`create role ${role} login password 'x' connection limit 4`);
    for (const schema of ['public', 'pgboss']) {
      await database.sql(`grant usage on schema ${schema} to ${role}`);
      await database.sql(`grant all on all tables in schema ${schema} to ${role}`);
    }
    const url = new URL(database.url);
    Object.assign(url, { username: role, password: 'x' });
    const running = await startApp({ DATABASE_URL: url.href, DATABASE_POOL_MAX: '10' }, database);
    try {
      const events = await Promise.all(Array.from({ length: 8 }, () => eventOnSale(running.api)));
      const replies = await Promise.all(
        Array.from({ length: 10 }).flatMap(() =>
          events.map(({ eventId, ticketTypeId }) => running.api.book(eventId, { [ticketTypeId]: 1 })),
        ),
      );
      expect(countByStatus(replies)).toEqual({ 201: 80 });
      expect(running.app.get(ConnectionCircuit).isOpenForWantOfSlots).toBe(true);
      expect((await running.api.get('/health/ready')).status).toBe(200);
      expect(await database.brokenInvariants()).toEqual([]);
    } finally {
      await running.close();
      await database.sql(`drop owned by ${role}`);
      await database.sql(`drop role ${role}`);
      await database.drop();
    }
  });
});
