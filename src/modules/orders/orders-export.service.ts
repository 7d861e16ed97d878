import { Readable, type Writable } from 'node:stream';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { stringify } from 'csv-stringify';
import { sql } from 'kysely';
import { STATEMENT_TIME } from '../../platform/database/clock.js';
import { ReplicaReads } from '../../platform/database/replica-reads.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { pipeToReader } from '../../platform/http/pipe-to-reader.js';
import { Event, eventNotFound } from '../events/index.js';

/** Orders that are read at a time: bounds the memory, whatever the number of orders. */
const BATCH = 1_000;

const COLUMNS = [
  'order_id',
  'sequence',
  'status',
  'created_at',
  'confirmed_at',
  'cancelled_at',
  'cancel_reason',
  'payment_reference',
  'customer_email',
  'customer_name',
  'ticket_type_id',
  'ticket_type',
  'quantity',
  'unit_price_amount',
  'subtotal_amount',
  'currency',
  'order_total_amount',
] as const;

/** The first line of every export. */
export const CSV_HEADER = COLUMNS.join();

type Row = Record<(typeof COLUMNS)[number], string | number | null> & { sequence: number };

@Injectable()
export class OrdersExportService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly replicas: ReplicaReads,
  ) {}

  /** @throws DomainError `event-not-found` */
  async assertEventExists(eventId: string): Promise<void> {
    if ((await this.retry.read(() => this.em.fork().count(Event, { id: eventId }))) === 0) throw eventNotFound(eventId);
  }

  /** Writes the event's orders in the order of their booking, a line per item; waits for a slow reader. */
  async write(eventId: string, output: Writable): Promise<void> {
    // A line break of either kind is quoted, since many readers end the line at it.
    // Formulas are made harmless, since spreadsheets would run what a customer typed as a name.
    const csv = stringify({
      header: true,
      columns: [...COLUMNS],
      escape_formulas: true,
      record_delimiter: 'windows',
      quoted_match: /[\r\n]/,
    });
    await pipeToReader(Readable.from(this.rows(eventId)), csv, output);
  }

  private async *rows(eventId: string): AsyncGenerator<Row> {
    for (let after = 0; ;) {
      const rows = await this.retry.read(() => this.replicas.read((em) => this.batch(em, eventId, after)));
      yield* rows;
      const last = rows.at(-1);
      if (!last) return;
      after = last.sequence;
    }
  }

  private async batch(em: EntityManager, eventId: string, after: number): Promise<Row[]> {
    const time = (column: string) => sql.raw(`to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
    const { rows } = await sql<Row>`
      select o.id as order_id, o.sequence,
             case when o.status = 'held' and o.expires_at <= ${sql.raw(STATEMENT_TIME)} then 'expired' else o.status end as status,
             ${time('o.created_at')} as created_at, ${time('o.confirmed_at')} as confirmed_at,
             ${time('o.cancelled_at')} as cancelled_at, o.cancel_reason, o.payment_reference, o.customer_email, o.customer_name,
             i.ticket_type_id, i.name as ticket_type, i.quantity, i.unit_price_amount,
             i.quantity * i.unit_price_amount as subtotal_amount, o.currency, o.total_amount as order_total_amount
        from (select * from orders where event_id = ${eventId} and sequence > ${after} order by sequence limit ${BATCH}) o
        join order_items i on i.order_id = o.id and i.event_id = o.event_id
       order by o.sequence, i.position
    `.execute(em.getKysely());
    return rows;
  }
}
