import { Readable, type Writable } from 'node:stream';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { databaseNow } from '../../platform/database/clock.js';
import { ReplicaReads } from '../../platform/database/replica-reads.js';
import { TransactionRetry } from '../../platform/database/transaction-retry.js';
import { pipeToReader } from '../../platform/http/pipe-to-reader.js';
import { formatTime } from '../../platform/http/times.js';
import { isOf, Order, OrderTransition, type Person, toOrderDto, toOrderTransitionDto } from '../orders/index.js';
import type { ExportedOrderDto } from './customers.dto.js';

/** Orders that are read at a time: bounds the memory, whatever the number of orders. */
const BATCH = 200;

interface ExportedOrder {
  order: Order;
  history: OrderTransition[];
}

/** All that is kept about one person. */
@Injectable()
export class CustomerExportService {
  constructor(
    private readonly em: EntityManager,
    private readonly retry: TransactionRetry,
    private readonly reads: ReplicaReads,
  ) {}

  /** The JSON of a `CustomerExportDto`, piece by piece. What can fail at once fails before the first is there. */
  async json(person: Person): Promise<AsyncIterable<string>> {
    const now = await this.retry.read(() => databaseNow(this.em.fork()));
    return this.pieces(person, now, await this.batch(person));
  }

  /** Waits for a slow reader. */
  write(pieces: AsyncIterable<string>, output: Writable): Promise<void> {
    return pipeToReader(Readable.from(pieces), output);
  }

  private async *pieces(person: Person, now: Date, first: ExportedOrder[]): AsyncGenerator<string> {
    yield `{"exportedAt":${JSON.stringify(formatTime(now))},"orders":[`;
    let separator = '';
    for (let batch = first; batch.length > 0; batch = await this.batch(person, batch.at(-1)!.order)) {
      for (const one of batch) {
        yield separator + JSON.stringify(toExportedOrderDto(one));
        separator = ',';
      }
    }
    yield ']}';
  }

  /** Newest first. By their ids: a failed statement of MikroORM shows its values in the log, and the person is none of them. */
  private batch(person: Person, after?: Order): Promise<ExportedOrder[]> {
    const older = after ? sql<boolean>`(created_at, id) < (${after.createdAt}, ${after.id}::uuid)` : sql<boolean>`true`;
    const read = () =>
      this.reads.readPrimary(async (em) => {
        const { rows } = await sql<{ id: string }>`
          select id from orders where ${isOf(person)} and ${older} order by created_at desc, id desc limit ${BATCH}
        `.execute(em.getKysely());
        if (rows.length === 0) return [];
        const ids = rows.map(({ id }) => id);
        const orders = await em.find(
          Order,
          { id: { $in: ids } },
          { populate: ['items'], strategy: 'select-in', orderBy: { createdAt: 'desc', id: 'desc' } },
        );
        const lines = await em.find(OrderTransition, { orderId: { $in: ids } }, { orderBy: { sequence: 'asc' } });
        const histories = Map.groupBy(lines, ({ orderId }) => orderId);
        return orders.map((order) => ({ order, history: histories.get(order.id) ?? [] }));
      });
    return this.retry.read(read);
  }
}

function toExportedOrderDto({ order, history }: ExportedOrder): ExportedOrderDto {
  return Object.assign(toOrderDto(order, order.readAt!), {
    customerSubject: order.customerSubject,
    history: history.map(toOrderTransitionDto),
  });
}
