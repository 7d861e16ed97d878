import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import type { Scope } from '../auth/scopes.js';
import { TransactionRetry } from '../database/transaction-retry.js';
import { DomainError } from '../errors/domain-error.js';
import { formatTime } from '../http/times.js';
import { type FeedFilter, type FeedPage, readFeed } from './change-feed.js';
import type { ChangeDto, ChangesDto, ChangesQueryDto } from './changes.dto.js';
import { typesOf } from './changes.dto.js';
import { allDomainEventTypes, type DomainEvent } from './domain-event.js';
import { CURSOR_EXPIRED } from './domain-events.errors.js';
import { cursorOf, FEED_START, feedPlaceOf, type FeedPlace, isBefore } from './feed-place.js';
import { FeedWatch } from './feed-watch.js';

/** Pages that are looked through for one answer when most of what is there is not wanted. */
const PAGES_MAX = 20;

@Injectable()
export class ChangeFeedService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly watch: FeedWatch,
  ) {}

  /**
   * @param hasScope what the reader has
   * @param gone when it is aborted nobody waits for the answer any more
   * @throws DomainError `cursor-expired`, `malformed-request`
   */
  async read(query: ChangesQueryDto, hasScope: (scope: Scope) => boolean, gone: AbortSignal): Promise<ChangesDto> {
    const filter: FeedFilter = {
      types: query.types === undefined ? null : typesOf(query.types),
      eventId: query.eventId?.toLowerCase(),
      restricted: allDomainEventTypes().filter(({ restricted }) => restricted && !hasScope(restricted.scope)),
    };
    const deadline = performance.now() + query.wait * 1000;
    let place = query.after === undefined ? null : feedPlaceOf(query.after);
    for (;;) {
      const page = await this.search(place, filter, query.limit);
      const leftMs = deadline - performance.now();
      if (page.events.length > 0 || leftMs <= 0 || gone.aborted || this.watch.isStopped) {
        return { items: page.events.map(toChangeDto), nextCursor: cursorOf(page.next) };
      }
      place = page.next;
      if (page.isLast) await this.watch.newsAfter(place, leftMs, gone);
    }
  }

  private async search(after: FeedPlace | null, filter: FeedFilter, limit: number): Promise<FeedPage> {
    let place = after;
    for (let pages = 1; ; pages++) {
      const page = await this.retry.read(() => readFeed(this.em.fork(), place ?? FEED_START, filter, limit));
      if (place !== null) assertKept(place, page);
      if (page.events.length > 0 || page.isLast || pages >= PAGES_MAX) return page;
      place = page.next;
    }
  }
}

function assertKept(place: FeedPlace, { purged, isAhead }: FeedPage): void {
  if (isAhead) {
    throw new DomainError(
      CURSOR_EXPIRED,
      'The cursor is of a later time than this database, which was restored from a backup. Read the present state, then follow from a new cursor.',
    );
  }
  if (purged && isBefore(place, purged)) throw new DomainError(CURSOR_EXPIRED, CURSOR_EXPIRED.example.detail);
}

function toChangeDto({ id, type, eventId, orderId, sequence, occurredAt, data }: DomainEvent): ChangeDto {
  return { id, type, eventId, orderId, sequence, occurredAt: formatTime(occurredAt), data };
}
