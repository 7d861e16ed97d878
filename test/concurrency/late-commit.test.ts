import { EntityManager } from '@mikro-orm/postgresql';
import { Module } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { DomainEventRelayJob } from '../../src/platform/domain-events/domain-event-relay.job.js';
import type { DomainEvent } from '../../src/platform/domain-events/domain-event.js';
import { ConsumesDomainEvents, type DomainEventConsumer } from '../../src/extension.js';
import { startApp, type TestApp } from '../support/app.js';
import { eventOnSale } from '../support/factories.js';
import { untilFeedShowsAll } from '../support/feed.js';
import { stopJobs } from '../support/jobs.js';

@ConsumesDomainEvents()
class Notebook implements DomainEventConsumer {
  readonly name = 'notebook';
  readonly types = null;
  readonly seen: string[] = [];
  onAsked: () => Promise<'take' | 'skip'> = async () => 'take';

  readiness(): Promise<'take' | 'skip'> {
    return this.onAsked();
  }

  take(_: EntityManager, events: readonly DomainEvent[]): Promise<void> {
    this.seen.push(...events.map(({ id }) => id));
    return Promise.resolve();
  }
}

const notebook = new Notebook();

@Module({ providers: [{ provide: Notebook, useValue: notebook }] })
class NotebookModule {}

describe('a fact that commits late, under a smaller number than those that are there already', () => {
  let running: TestApp;

  const INSERT = `insert into domain_events (id, type, schema_version, occurred_at, data) values ($1, 'event.updated', 1, now(), '{}')`;
  const changesAfter = async (cursor: string, more = '') =>
    (await running.api.get(`/v1/changes?after=${cursor}&limit=200${more}`)).body as {
      items: Array<{ id: string }>;
      nextCursor: string;
    };
  const end = async () => {
    await untilFeedShowsAll(running.database);
    return (await running.api.get('/v1/changes?limit=200')).body.nextCursor as string;
  };
  const relay = () => running.app.get(DomainEventRelayJob, { strict: false }).runOnce();

  beforeAll(async () => {
    running = await startApp({}, undefined, [NotebookModule]);
    await stopJobs(running, DomainEventRelayJob);
  });
  afterAll(() => running.close());

  it('is skipped neither by the feed nor by the relay', async () => {
    await relay();
    const start = await end();
    const late = await running.database.connect();
    const lateId = uuidv7();
    try {
      await late.query('begin');
      await late.query(INSERT, [lateId]);
      const { eventId, ticketTypeId } = await eventOnSale(running.api);
      await running.api.book(eventId, { [ticketTypeId]: 1 });
      // They are committed and visible, under larger numbers, while the first one is not.
      const visible = await running.database.sql<{ id: string }>(
        'select id from domain_events order by transaction_id, position',
      );
      expect(visible.length).toBeGreaterThanOrEqual(3);

      const before = await changesAfter(start);
      expect(before.items).toEqual([]);
      await relay();
      const seenBefore = notebook.seen.length;
      await late.query('commit');
      await untilFeedShowsAll(running.database);

      const after = await changesAfter(before.nextCursor);
      expect(after.items.map(({ id }) => id)).toEqual([lateId, ...visible.map(({ id }) => id)]);
      await relay();
      expect(notebook.seen.slice(seenBefore)).toEqual([lateId, ...visible.map(({ id }) => id)]);
    } finally {
      await late.end();
    }
  });

  it('is not passed over by a consumer that wanted none just before it', async () => {
    const passed = await eventOnSale(running.api);
    await untilFeedShowsAll(running.database);
    let next: typeof passed | undefined;
    notebook.onAsked = async () => {
      next ??= await eventOnSale(running.api);
      return 'skip';
    };
    await relay();
    notebook.onAsked = async () => 'take';
    await untilFeedShowsAll(running.database);
    const seenBefore = notebook.seen.length;
    await relay();
    const factsOf = async ({ eventId }: typeof passed) =>
      (await running.database.sql<{ id: string }>('select id from domain_events where event_id = $1', [eventId])).map(
        ({ id }) => id,
      );
    const seen = notebook.seen.slice(seenBefore);
    expect(seen).toEqual(expect.arrayContaining(await factsOf(next!)));
    expect(seen.filter((id) => new Set(notebook.seen.slice(0, seenBefore)).has(id))).toEqual([]);
    for (const id of await factsOf(passed)) expect(notebook.seen).not.toContain(id);
  });

  it('that is taken back is never told', async () => {
    const start = await end();
    const late = await running.database.connect();
    await late.query('begin');
    await late.query(INSERT, [uuidv7()]);
    const { eventId } = await eventOnSale(running.api);
    await late.query('rollback');
    await late.end();
    await untilFeedShowsAll(running.database);
    const { items } = await changesAfter(start);
    expect(new Set(items.map((item) => (item as unknown as { eventId: string }).eventId))).toEqual(new Set([eventId]));
  });

  it('holds up a client that waits, and then wakes it', async () => {
    const start = await end();
    const late = await running.database.connect();
    const lateId = uuidv7();
    await late.query('begin');
    await late.query(INSERT, [lateId]);
    const waiting = changesAfter(start, '&wait=20');
    await eventOnSale(running.api);
    await late.query('commit');
    await late.end();
    expect((await waiting).items[0]?.id).toBe(lateId);
  });

  it('cannot be of an event: the facts of one event are numbered as its sequence is', async () => {
    const { eventId, ticketTypeId } = await eventOnSale(running.api, [1000]);
    const other = await startApp({ LANE_BATCH_MAX: '3' }, running.database);
    try {
      const book = (index: number) =>
        [running.api, other.api][index % 2]!.book(eventId, { [ticketTypeId]: 1 }, { holdSeconds: 60 });
      const orders = await Promise.all(Array.from({ length: 200 }, (_, index) => book(index)));
      await Promise.all(
        orders.map(({ body }, index) => [other.api, running.api][index % 2]!.post(`/v1/orders/${body.id}/confirm`)),
      );
    } finally {
      await other.app.close();
    }
    const facts = await running.database.sql<{ sequence: number }>(
      'select sequence from domain_events where event_id = $1 and order_id is not null order by transaction_id, position',
      [eventId],
    );
    expect(facts.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
  });
});
