import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { BatchedReads } from '../database/batched-reads.js';
import { waitForStandby, waitForStandbyAtCommit } from '../database/replication.js';
import { TransactionRetry } from '../database/transaction-retry.js';
import { Answer } from './answer.js';
import type { IdempotentRequest } from './idempotency-key.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';
import { keyReused } from './idempotency.errors.js';

export type Remembered = Pick<IdempotencyRecord, 'fingerprint' | 'status' | 'body'>;

/**
 * The remembered answer, for the very same request.
 * @throws DomainError `idempotency-key-reused` when the key belongs to another request
 */
export function replay(record: Remembered, request: IdempotentRequest): Answer<never> {
  if (record.fingerprint !== request.fingerprint) throw keyReused();
  return new Answer(record.status, JSON.parse(record.body) as never, true);
}

type KeyName = Pick<IdempotentRequest, 'caller' | 'key'>;

/** What names a record. Neither part holds a line break. */
export function keyOf({ caller, key }: KeyName): string {
  return `${caller}\n${key}`;
}

export interface OnceOptions<T> {
  /** The HTTP status of success. */
  status: number;
  /** The event that the answer belongs to, if it belongs to one. */
  eventIdOf?: (body: T) => string;
  /** What is remembered of an answer that shows a secret this one time. */
  withoutSecret?: (body: T) => T;
}

/**
 * SQL for rows of `idempotency_keys` that have one of these names. It lets in all pairs of the callers and keys, so more than
 * asked for, maybe (pick by {@link keyOf}): the plan for exact pairs is worse by far while the table has no statistics.
 */
export function isOneOf(names: readonly KeyName[]) {
  const callers = [...new Set(names.map(({ caller }) => caller))];
  return sql<boolean>`caller = any(${callers}::text[]) and key = any(${names.map(({ key }) => key)}::text[])`;
}

@Injectable()
export class IdempotencyStore {
  private readonly records: BatchedReads<string, Remembered>;

  constructor(em: EntityManager, retry: TransactionRetry) {
    this.records = new BatchedReads((keys) => retry.read(() => readRecords(em.fork(), keys)));
  }

  /** Looks without any lock: what it does not find may still be on its way to a commit. */
  async find(request: IdempotentRequest): Promise<Answer | null> {
    const record = await this.records.get(keyOf(request));
    return record ? replay(record, request) : null;
  }

  /**
   * Does `work` once per key, inside the transaction of `em`: claims the key first, so that a repeat that comes while this
   * runs waits on the unique index, and then gets the remembered answer. Take the event lock before, never after: one order
   * of locks, no deadlock. Refusals are thrown and take the claim back with the transaction.
   */
  async once<T>(
    em: EntityManager,
    request: IdempotentRequest | null,
    { status, eventIdOf, withoutSecret }: OnceOptions<T>,
    work: () => Promise<T>,
  ): Promise<Answer<T>> {
    if (!request) return new Answer(status, await work());
    const claimed = await em.execute<unknown[]>(
      `insert into idempotency_keys (caller, key, fingerprint, status, body, created_at)
       values (?, ?, ?, ?, 'null', clock_timestamp()) on conflict (caller, key) do nothing returning key`,
      [request.caller, request.key, request.fingerprint, status],
    );
    if (claimed.length === 0) {
      await waitForStandbyAtCommit(em);
      const record = await em.findOneOrFail(IdempotencyRecord, { caller: request.caller, key: request.key });
      return replay(record, request);
    }
    const body = await work();
    await em.flush();
    await em.execute('update idempotency_keys set body = ?, event_id = ? where caller = ? and key = ?', [
      JSON.stringify(withoutSecret ? withoutSecret(body) : body),
      eventIdOf?.(body) ?? null,
      request.caller,
      request.key,
    ]);
    return new Answer(status, body);
  }
}

async function readRecords(em: EntityManager, names: readonly string[]): Promise<Map<string, Remembered>> {
  const wanted = names.map((name) => {
    const [caller = '', key = ''] = name.split('\n');
    return { caller, key };
  });
  const { rows } = await sql<Remembered & KeyName & { has_standby: boolean }>`/* find-idempotency-keys */
    select caller, key, fingerprint, status, body, current_setting('synchronous_standby_names') <> '' as has_standby
      from idempotency_keys where ${isOneOf(wanted)}
  `.execute(em.getKysely());
  if (rows[0]?.has_standby) await waitForStandby(em);
  return new Map(rows.map((row) => [keyOf(row), row]));
}
