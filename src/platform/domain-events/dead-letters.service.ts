import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { isUUID } from 'class-validator';
import { sql } from 'kysely';
import { AuditLog } from '../audit/audit-log.js';
import type { Author } from '../audit/author.js';
import { TransactionRetry } from '../database/transaction-retry.js';
import { DomainError } from '../errors/domain-error.js';
import { decodeCursor, type Page, toPage } from '../http/pagination.js';
import { formatTime, isTimestamp } from '../http/times.js';
import type { Answer } from '../idempotency/answer.js';
import type { IdempotentRequest } from '../idempotency/idempotency-key.js';
import { IdempotencyStore } from '../idempotency/idempotency.store.js';
import { JOBS_SCHEMA } from '../jobs/install-jobs.js';
import { JobQueues } from '../jobs/job-queues.js';
import type { DeadLetterDto, DeadLetterQueryDto } from './dead-letters.dto.js';
import { DEAD_LETTER_NOT_FOUND } from './domain-events.errors.js';
import { type QueuedFact, SUBSCRIBER_QUEUE_PREFIX } from './subscribers.js';

interface Row {
  id: string;
  queue: string;
  attempts: number;
  error: string | null;
  failed_at: string;
  data: QueuedFact;
}

const JOB = sql.table(`${JOBS_SCHEMA}.job`);
const IS_DEAD = sql<boolean>`state = 'failed' and name like ${`${SUBSCRIBER_QUEUE_PREFIX}%`}`;
const COLUMNS = sql.raw(`id, name as queue, retry_count + 1 as attempts, output ->> 'message' as error, data,
  date_trunc('milliseconds', completed_on) as failed_at`);
const ERROR_MAX = 2_000;

/** Facts that a subscriber failed to take as often as it may. Each holds back the later facts of its order for that subscriber. */
@Injectable()
export class DeadLettersService {
  constructor(
    private readonly em: EntityManager,
    private readonly transactions: TransactionRetry,
    private readonly idempotency: IdempotencyStore,
    private readonly queues: JobQueues,
  ) {}

  async list(query: DeadLetterQueryDto): Promise<Page<DeadLetterDto>> {
    const [at, id] = query.cursor === undefined ? [null, null] : (decodeCursor(query.cursor, isTimestamp, isUUID) as string[]);
    const failedAt = at ? formatTime(new Date(at)) : null;
    const queue = query.subscriber === undefined ? null : SUBSCRIBER_QUEUE_PREFIX + query.subscriber;
    const { rows } = await sql<Row>`
      select ${COLUMNS}
        from ${JOB}
       where ${IS_DEAD}
         and (${queue}::text is null or name = ${queue})
         and (${failedAt}::timestamptz is null or (date_trunc('milliseconds', completed_on), id) < (${failedAt}::timestamptz, ${id}::uuid))
       order by date_trunc('milliseconds', completed_on) desc, id desc
       limit ${query.limit + 1}
    `.execute(this.em.fork().getKysely());
    return toPage(rows, query, (row) => [formatTime(new Date(row.failed_at)), row.id], toDeadLetterDto);
  }

  /** @throws DomainError `dead-letter-not-found` */
  retry(id: string, author: Author, request: IdempotentRequest | null): Promise<Answer<null>> {
    const work = () =>
      this.em.fork().transactional((em) =>
        this.idempotency.once(em, request, { status: 204 }, async () => {
          const letter = await locked(em, id);
          await this.queues.retry(em, letter.queue, id);
          const shown = audited(letter);
          await AuditLog.record(em, {
            ...targetOf(letter),
            ...author,
            action: 'dead-letter.retried',
            before: shown,
            after: shown,
          });
          return null;
        }),
      );
    return this.transactions.run(work, { recognisesItsOwnCommit: request !== null });
  }

  /** The later facts of its order go on without it. @throws DomainError `dead-letter-not-found` */
  async discard(id: string, author: Author): Promise<void> {
    const work = () =>
      this.em.fork().transactional(async (em) => {
        const letter = await locked(em, id);
        await this.queues.discard(em, letter.queue, id);
        const change = { action: 'dead-letter.discarded', before: audited(letter), after: null };
        await AuditLog.record(em, { ...targetOf(letter), ...author, ...change });
      });
    await this.transactions.run(work, { recognisesItsOwnCommit: false });
  }
}

/** @throws DomainError `dead-letter-not-found` */
async function locked(em: EntityManager, id: string): Promise<Row> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from ${JOB} where ${IS_DEAD} and id = ${id} for update
  `.execute(em.getKysely());
  if (!rows[0]) throw new DomainError(DEAD_LETTER_NOT_FOUND, `There is no dead letter ${id}.`);
  return rows[0];
}

function targetOf({ id: targetId, data }: Row) {
  return { targetType: 'dead-letter', targetId, eventId: data.eventId };
}

/** Without the data of the change and the error, which may tell who the customer is. */
function audited({ queue, attempts, data: { id, type, orderId } }: Row) {
  return { subscriber: subscriberOf(queue), attempts, change: { id, type, orderId } };
}

function subscriberOf(queue: string): string {
  return queue.slice(SUBSCRIBER_QUEUE_PREFIX.length);
}

function toDeadLetterDto({ id, queue, attempts, error, failed_at: failedAt, data }: Row): DeadLetterDto {
  const { version: _, ...change } = data;
  return {
    id,
    subscriber: subscriberOf(queue),
    change,
    attempts,
    error: (error ?? '').slice(0, ERROR_MAX),
    failedAt: formatTime(new Date(failedAt)),
  };
}
