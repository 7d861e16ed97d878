import { randomUUID } from 'node:crypto';
import { startApp, type TestApp } from '../support/app.js';
import type { ApiClient } from '../support/client.js';
import { TestDatabase } from '../support/database.js';
import { eventOnSale } from '../support/factories.js';
import { eventually } from '../support/faults.js';
import { untilPasses } from '../support/until-passes.js';
import { followChanges } from './follow-changes.js';
import { MembersModule } from './members/members.module.js';
import { MEMBERS_TABLES } from './members/members.tables.js';
import { PurgeLettersJob } from './members/purge-letters.job.js';

describe('what a module does after the commit', () => {
  let running: TestApp;
  let api: ApiClient;

  const sql = <T extends object>(text: string, values: unknown[] = []) => running.database.sql<T>(text, values);
  const memberOf = async (email: string) =>
    (
      await sql<{ points: number; card_printed: boolean }>('select points, card_printed from members where customer_key = $1', [
        email,
      ])
    )[0];

  beforeAll(async () => {
    running = await startApp({}, undefined, [MembersModule]);
    api = running.api;
    await sql(MEMBERS_TABLES);
    // A new consumer begins with what happens from then on.
    await eventually('the consumer', async () => (await sql(`select from domain_event_cursors where name = 'member-points'`))[0]);
  });
  afterEach(() => running.database.assertInvariants());
  afterAll(() => running.close());

  it('a job that was inserted in a transaction runs after it', async () => {
    expect((await api.post('/v1/members', { email: 'grace@example.com' })).status).toBe(201);
    await untilPasses(async () => expect(await memberOf('grace@example.com')).toMatchObject({ card_printed: true }));
  });

  it('and never, when the transaction was not committed', async () => {
    const jobs = async () => (await sql(`select from pgboss.job where name = 'member-cards'`)).length;
    await untilPasses(async () => expect(await jobs()).toBe(0));
    expect((await api.post('/v1/members', { email: 'grace@example.com' })).body.code).toBe('member-exists');
    expect(await jobs()).toBe(0);
  });

  it('a bulk consumer takes each fact over once', async () => {
    await api.post('/v1/members', { email: 'ada@example.com' });
    const { eventId, ticketTypeId } = await eventOnSale(api);
    await Promise.all(Array.from({ length: 30 }, () => api.book(eventId, { [ticketTypeId]: 1 })));
    await untilPasses(async () => expect(await memberOf('ada@example.com')).toMatchObject({ points: 30 }));
    await api.book(eventId, { [ticketTypeId]: 1 });
    await untilPasses(async () => expect(await memberOf('ada@example.com')).toMatchObject({ points: 31 }));
  });

  it('a recurring job does its bounded work', async () => {
    const letter = (age: string) =>
      sql(
        `insert into member_letters (fact_id, order_id, sequence, text, written_at) values ($1, $2, 1, 'x', now() - $3::interval)`,
        [randomUUID(), randomUUID(), age],
      );
    await letter('366 days');
    await letter('360 days');
    const old = () =>
      sql(`select round(extract(epoch from now() - written_at) / 86400)::integer as days from member_letters
            where text = 'x' order by written_at`);
    expect(await old()).toEqual([{ days: 366 }, { days: 360 }]);
    await running.app.get(PurgeLettersJob, { strict: false }).runOnce();
    expect(await old()).toEqual([{ days: 360 }]);
  });

  it('hears of what happened while jobs could not run, once they can', async () => {
    const database = await TestDatabase.create();
    await database.sql(MEMBERS_TABLES);
    await database.sql('update pgboss.version set version = version - 1');
    const waiting = await startApp({}, database, [MembersModule]);
    try {
      const { eventId, ticketTypeId } = await eventOnSale(waiting.api);
      const { body } = await waiting.api.book(eventId, { [ticketTypeId]: 1 });
      await database.sql('update pgboss.version set version = version + 1');
      await untilPasses(async () =>
        expect(await database.sql('select from member_letters where order_id = $1', [body.id])).toHaveLength(1),
      );
    } finally {
      await waiting.close();
      await database.drop();
    }
  });

  it('another system follows the feed, and goes on where it was', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(api);
    const seen: string[] = [];
    const kept: string[] = [];
    const follow = async (until: number, cursor?: string) => {
      const stop = new AbortController();
      const following = followChanges(
        running.url,
        api.token!,
        async (changes) => void seen.push(...changes.map(({ type, orderId }) => `${type} ${orderId}`)),
        async (next) => void kept.push(next),
        { ...(cursor === undefined ? {} : { cursor }), signal: stop.signal },
      );
      await untilPasses(async () => expect(seen.length).toBeGreaterThanOrEqual(until));
      await untilPasses(async () => expect(kept.length).toBeGreaterThan(0));
      stop.abort();
      await following;
    };
    const first = (await api.book(eventId, { [ticketTypeId]: 1 })).body.id as string;
    await untilPasses(async () =>
      expect((await api.get(`/v1/changes?eventId=${eventId}&types=order.confirmed`)).body.items).toHaveLength(1),
    );
    await follow(1);
    expect(seen.at(-1)).toBe(`order.confirmed ${first}`);
    const count = seen.length;
    await api.post(`/v1/orders/${first}/cancel`);
    await follow(count + 1, kept.at(-1));
    expect(seen.slice(count)).toEqual([`order.cancelled ${first}`]);
  });
});
