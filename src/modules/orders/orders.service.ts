import { EntityManager, raw, type FilterQuery } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { afterNumber, afterCursor, toPage, type Page, type PageQueryDto } from '../../platform/http/pagination.js';
import { formatTime } from '../../platform/http/times.js';
import { ReplicaReads } from '../../platform/database/replica-reads.js';
import { STATEMENT_TIME } from '../../platform/database/clock.js';
import { customerKeyOf, ownedBy } from './customer.js';
import type { OrderStatus } from './order-state.js';
import { OrderTransition } from './order-transition.entity.js';
import { Order } from './order.entity.js';
import { toOrderDto, toOrderTransitionDto } from './order.mapper.js';
import type { OrderDto, OrderQueryDto, OrderTransitionDto } from './orders.dto.js';
import { orderNotFound } from './orders.errors.js';

/**
 * Reads orders. What changes them is in the booking module. Where there is an `owner`, the orders of others are as if they did
 * not exist: the same statement does not find them.
 */
@Injectable()
export class OrdersService {
  constructor(
    private readonly em: EntityManager,
    private readonly replicas: ReplicaReads,
  ) {}

  async get(orderId: string, owner: string | null): Promise<OrderDto> {
    // One statement, so of one moment: a cancellation between one for the order and one for its items would be shown by halves.
    const order = await this.em
      .fork()
      .findOne(Order, { id: orderId, ...ownedBy(owner) }, { populate: ['items'], strategy: 'joined' });
    if (!order) throw orderNotFound(orderId);
    return toOrderDto(order, order.readAt!);
  }

  /** Customers, who look for what they have just booked, read the primary; all others a replica, which may be a moment behind. */
  list(query: OrderQueryDto, owner: string | null): Promise<Page<OrderDto>> {
    const read = (em: EntityManager) => this.listFrom(em, query, owner);
    return owner === null ? this.replicas.read(read) : this.replicas.readPrimary(read);
  }

  private async listFrom(em: EntityManager, query: OrderQueryDto, owner: string | null): Promise<Page<OrderDto>> {
    const orders = await em.find(
      Order,
      {
        $and: [
          ownedBy(owner),
          query.eventId ? { eventId: query.eventId.toLowerCase() } : {},
          query.status ? withStatus(query.status) : {},
          query.email ? { customerKey: customerKeyOf(query.email) } : {},
          afterCursor<Order>(query, 'createdAt', 'desc'),
        ],
      },
      { populate: ['items'], strategy: 'select-in', orderBy: { createdAt: 'desc', id: 'desc' }, limit: query.limit + 1 },
    );
    return toPage(
      orders,
      query,
      ({ createdAt, id }) => [formatTime(createdAt), id],
      (order) => toOrderDto(order, order.readAt!),
    );
  }

  async history(orderId: string, query: PageQueryDto, owner: string | null): Promise<Page<OrderTransitionDto>> {
    const em = this.em.fork();
    if (owner !== null) await assertOrder(em, orderId, owner);
    const after = afterNumber(query) ?? 0;
    const transitions = await em.find(
      OrderTransition,
      { orderId, sequence: { $gt: after } },
      { orderBy: { sequence: 'asc' }, limit: query.limit + 1 },
    );
    // Every order has a first line, so only an unknown order (or a cursor past the end) finds none.
    if (transitions.length === 0) await assertOrder(em, orderId, owner);
    return toPage(transitions, query, ({ sequence }) => [sequence], toOrderTransitionDto);
  }
}

/** @throws DomainError `order-not-found` */
async function assertOrder(em: EntityManager, orderId: string, owner: string | null): Promise<void> {
  if ((await em.count(Order, { id: orderId, ...ownedBy(owner) })) === 0) throw orderNotFound(orderId);
}

/** By effective state: a hold past its end is expired. */
function withStatus(status: OrderStatus): FilterQuery<Order> {
  if (status === 'held') return { status, expiresAt: { $gt: raw(STATEMENT_TIME) } };
  if (status === 'expired') return { $or: [{ status }, { status: 'held', expiresAt: { $lte: raw(STATEMENT_TIME) } }] };
  return { status };
}
