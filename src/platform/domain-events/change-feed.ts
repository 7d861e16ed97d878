import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import type { DomainEvent, DomainEventType } from './domain-event.js';
import type { FeedPlace } from './feed-place.js';

/** The row of `domain_event_cursors` that tells how far domain events were purged. */
export const PURGED = 'purged';

export interface FeedFilter {
  /** Null: all. */
  types: readonly string[] | null;
  eventId?: string | undefined;
  /** Types of which the reader may not see all facts. */
  restricted?: readonly DomainEventType[];
}

export interface FeedPage {
  events: DomainEvent[];
  /** Where to go on. */
  next: FeedPlace;
  /** Whether there was nothing more at that moment. */
  isLast: boolean;
  /** What was purged ends here; null when nothing was. */
  purged: FeedPlace | null;
  /** Whether the place that was asked for lies beyond all that this database has written. */
  isAhead: boolean;
}

/** Rows that are looked at for one page when not all of them are wanted: bounds what one call costs. */
const SCAN_MAX = 2_000;
/** Those that are looked at beyond the limit when a few may not be shown. */
const SCAN_MORE = 200;

interface Row {
  horizon: string;
  is_ahead: boolean;
  purged: [string, string] | null;
  scanned: number;
  last_scanned: [string, string] | null;
  items: Array<{
    place: [string, string];
    id: string;
    type: string;
    version: number;
    event_id: string | null;
    order_id: string | null;
    sequence: number | null;
    occurred_at: string;
    data: object;
  }>;
}

const placeOf = ([transactionId, position]: [string, string]): FeedPlace => ({ transactionId, position });

/**
 * The domain events after a place, in the order of the transactions that wrote them.
 *
 * It goes no further than the oldest transaction that was still running when the statement began (`pg_snapshot_xmin`): that
 * one, and any with a larger id, may still commit rows that would belong before those that are visible already. So what a
 * reader has passed is complete, however late somebody commits, and nobody is asked to wait. A transaction that runs for long
 * holds the feed up, not the other way round; the time-outs of the server bound that.
 *
 * The facts of one event come in the order of its sequence: a transaction gets its id with its first write, which is the lock of
 * the event row, so after the transaction before it has ended.
 */
export async function readFeed(em: EntityManager, after: FeedPlace, filter: FeedFilter, limit: number): Promise<FeedPage> {
  const eventId = filter.eventId ?? null;
  const restricted = filter.restricted ?? [];
  const scanMax = filter.types !== null || eventId !== null ? SCAN_MAX : restricted.length > 0 ? limit + SCAN_MORE : limit;
  // A name is for one text: what restricts types is part of it.
  const { rows } = await sql<Row>`${sql.raw(restricted.length > 0 ? '' : '/* read-domain-events */')}
    with snapshot as (
      select pg_snapshot_xmin(pg_current_snapshot()) as horizon, pg_snapshot_xmax(pg_current_snapshot()) as beyond
    ), scanned as materialized (
      select * from domain_events
       where (transaction_id, position) > (${after.transactionId}::xid8, ${after.position}::bigint)
         and transaction_id < (select horizon from snapshot)
       order by transaction_id, position
       limit ${scanMax}
    ), wanted as (
      select * from scanned as fact
       where (${filter.types}::text[] is null or type = any(${filter.types}::text[]))
         and (${eventId}::uuid is null or event_id = ${eventId}::uuid)
         and ${mayBeShown(restricted)}
       order by transaction_id, position
       limit ${limit}
    )
    select horizon::text, ${after.transactionId}::xid8 > beyond as is_ahead,
           (select array[transaction_id::text, position::text] from domain_event_cursors where name = ${PURGED}) as purged,
           (select count(*)::integer from scanned) as scanned,
           (select array[transaction_id::text, position::text] from scanned order by transaction_id desc, position desc limit 1) as last_scanned,
           coalesce((
             select json_agg(json_build_object(
                      'place', array[transaction_id::text, position::text], 'id', id, 'type', type, 'version', schema_version,
                      'event_id', event_id, 'order_id', order_id, 'sequence', sequence, 'occurred_at', occurred_at, 'data', data)
                    order by transaction_id, position)
               from wanted
           ), '[]') as items
      from snapshot
  `.execute(em.getKysely());
  const row = rows[0]!;
  const isFull = row.items.length === limit;
  const isCut = row.scanned === scanMax;
  const last = isFull ? row.items.at(-1)!.place : row.last_scanned;
  return {
    events: row.items.map((item) => ({
      id: item.id,
      type: item.type,
      version: item.version,
      eventId: item.event_id,
      orderId: item.order_id,
      sequence: item.sequence,
      occurredAt: new Date(item.occurred_at),
      data: item.data,
    })),
    next: last && (isFull || isCut) ? placeOf(last) : { transactionId: row.horizon, position: '0' },
    isLast: !isFull && !isCut,
    purged: row.purged && placeOf(row.purged),
    isAhead: row.is_ahead,
  };
}

function mayBeShown(restricted: readonly DomainEventType[]) {
  const conditions = restricted.map(({ type, restricted: { when = 'true' } = {} }) => {
    return sql<boolean>`(fact.type = ${type} and (${sql.raw(when)})) is not true`;
  });
  return conditions.length === 0 ? sql<boolean>`true` : sql.join(conditions, sql` and `);
}

/** The place of the newest domain event that {@link readFeed} would show. */
export async function newestPlace(em: EntityManager): Promise<FeedPlace | null> {
  const { rows } = await sql<{ place: [string, string] }>`
    select array[transaction_id::text, position::text] as place from domain_events
     where transaction_id < pg_snapshot_xmin(pg_current_snapshot())
     order by transaction_id desc, position desc limit 1
  `.execute(em.getKysely());
  return rows[0] ? placeOf(rows[0].place) : null;
}
