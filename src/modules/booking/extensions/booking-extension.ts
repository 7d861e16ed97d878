import type { EntityManager } from '@mikro-orm/postgresql';
import { applyDecorators, Injectable, SetMetadata } from '@nestjs/common';
import type { ProblemDefinition } from '../../../platform/errors/domain-error.js';
import { SCHEMA_EXTENSION, type SchemaExtension } from '../../../platform/http/schema-extensions.js';
import type { Event, TicketType } from '../../events/index.js';
import type { Adjustment, Customer, Order, OrderItem, OrderTransition } from '../../orders/index.js';
import { BookingDto } from '../booking.dto.js';

/*
 * How a module takes part in the transaction of a booking. A class with the decorator `ExtendsBooking` may have the methods of
 * any of the interfaces below. Those that return no promise must be synchronous and must not wait for anything: the event is
 * locked. The others may use the `EntityManager` that they are given, which is the transaction, and nothing else: no network,
 * no other connection, no long work.
 */

export type EventView = Readonly<
  Pick<
    Event,
    | 'id'
    | 'name'
    | 'status'
    | 'currency'
    | 'startsAt'
    | 'endsAt'
    | 'timeZone'
    | 'salesOpenAt'
    | 'salesCloseAt'
    | 'maxTicketsPerCustomer'
    | 'metadata'
  >
>;
export type TicketTypeView = Readonly<
  Pick<
    TicketType,
    | 'id'
    | 'name'
    | 'priceAmount'
    | 'currency'
    | 'capacity'
    | 'available'
    | 'minPerOrder'
    | 'maxPerOrder'
    | 'salesOpenAt'
    | 'salesCloseAt'
  >
>;
export type OrderItemView = Readonly<Pick<OrderItem, 'ticketTypeId' | 'name' | 'quantity' | 'unitPriceAmount'>>;
export type OrderView = Readonly<
  Pick<
    Order,
    | 'id'
    | 'eventId'
    | 'sequence'
    | 'status'
    | 'currency'
    | 'totalAmount'
    | 'adjustments'
    | 'extensions'
    | 'customerEmail'
    | 'customerSubject'
    | 'customerName'
    | 'customerIdentity'
    | 'metadata'
    | 'expiresAt'
    | 'createdAt'
  >
> & { readonly items: Iterable<OrderItemView> };

/** Tickets of one type that somebody wants. */
export interface BookingLine {
  readonly ticketType: TicketTypeView;
  readonly quantity: number;
}

/** Somebody wants to take tickets: by a booking, or by the late confirmation of an expired hold. */
export interface BookingRequest {
  readonly kind: 'book' | 'revive';
  readonly event: EventView;
  /** The time of the database, under the lock. */
  readonly now: Date;
  readonly orderId: string;
  /** @throws DomainError `ticket-type-not-found`, which refuses the request */
  readonly lines: readonly BookingLine[];
  readonly customer: Customer;
  /** Who counts as one customer. */
  readonly customerIdentity: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Null: the order is confirmed at once. */
  readonly holdSeconds: number | null;
  /** Who asks: `key:…`, `user:…`. */
  readonly actor: string;
  /** The order that is to be revived. */
  readonly order: OrderView | null;
  /** The members that the module added to the request, see {@link BookingExtensionOptions.body}. */
  body<T extends object>(type: new () => T): T | undefined;
}

/** All that a transaction is about, before anything is decided. */
export interface TurnToLoad {
  readonly event: EventView;
  readonly now: Date;
  /** Those that want tickets, in the order in which they will be decided. */
  readonly requests: readonly BookingRequest[];
  /** Orders that may be changed: named by a command, or a hold past its end that is taken back. */
  readonly orders: readonly OrderView[];
}

/** One line of an order's history, as it is about to be written. */
export interface OrderChange {
  /** The order, as all the commands of the transaction left it once they are decided. */
  readonly order: OrderView;
  readonly transition: Readonly<OrderTransition>;
  /** The tickets that the step is about. */
  readonly tickets: ReadonlyArray<{ readonly ticketTypeId: string; readonly quantity: number }>;
}

/** What is priced: a new order, or what is left of one after a partial cancellation. */
export interface OrderToPrice {
  readonly event: EventView;
  readonly currency: string;
  readonly lines: ReadonlyArray<Pick<OrderItemView, 'ticketTypeId' | 'quantity' | 'unitPriceAmount'>>;
  /** The sum of the lines, in minor units. */
  readonly subtotalAmount: number;
}

interface LoadsState<State> {
  /**
   * Holds past their end that stand in the way of a request: the core takes them back before anything else is decided. A bounded
   * number of ids of orders of this event, read before `load`.
   */
  overdueHolds?(em: EntityManager, turn: TurnToLoad): Promise<readonly string[]>;
  /**
   * Reads what the synchronous methods need, for all the requests of the transaction at once: never a query per request. It may
   * run without a transaction and without the lock, for requests that can only be refused.
   */
  load?(em: EntityManager, turn: TurnToLoad): Promise<State>;
}

/** Refuses requests for tickets. */
export interface BookingPolicy<State = void, Data extends object = object> extends LoadsState<State> {
  /**
   * Called for each request in the order of arrival, after the decisions before it took their effect on `state` (see
   * {@link OrderTransitionListener.decided}), and before the tickets are counted: another reason may still refuse it.
   * @returns what to keep with a new order, under the extension's `orderMember`
   * @throws DomainError to refuse; any other error fails this request alone, with 500, and nothing is booked
   */
  decide(request: BookingRequest, state: State): Data | undefined | void;
}

/** Changes what an order costs. */
export interface PriceAdjustment<Data extends object = object> {
  /**
   * The lines to add to the price of an order: a discount is negative. A total is never below zero: discounts beyond it are cut.
   * Called again for what is left after a partial cancellation, so it must follow from its arguments alone.
   * @param data what {@link BookingPolicy.decide} kept with the order
   */
  adjust(order: OrderToPrice, data: Data | undefined): readonly Adjustment[];
}

/** Follows every step of every order, whoever causes it: a request, the end of a hold, the cancellation of the event. */
export interface OrderTransitionListener<State = void> extends LoadsState<State> {
  /** Called at once for each step, so that `state` is right for the next decision of the same transaction. */
  decided?(change: OrderChange, state: State): void;
  /** Writes rows of the module, which commit with the steps or not at all. Called once, with all the steps in their order. */
  write?(em: EntityManager, changes: readonly OrderChange[], state: State): Promise<void>;
}

export type BookingExtension = Partial<BookingPolicy<unknown> & PriceAdjustment & OrderTransitionListener<unknown>>;

export interface BookingExtensionOptions {
  /** Unique; EXTENSIONS_OFF switches it off by this name. */
  name: string;
  /** Lower ones are asked first; those of the core have 10 to 30. Default 100. */
  order?: number;
  /** A DTO class of optional members that a booking may have on top; they are validated and documented like its own. */
  body?: new () => object;
  /** The member of an order that shows what `decide` returned, and its class, for the document. */
  orderMember?: { name: string; type: new () => object; description: string };
  /** What it refuses with, for the document. */
  problems?: readonly ProblemDefinition[];
}

export const BOOKING_EXTENSION = Symbol('BOOKING_EXTENSION');

/** Registers a provider as an extension of bookings. It is found in any module that the app has. */
export function ExtendsBooking(options: BookingExtensionOptions): ClassDecorator {
  const schemas: SchemaExtension = {
    name: options.name,
    bodies: options.body ? [{ base: BookingDto, schema: 'Booking', type: options.body }] : [],
    members: options.orderMember ? [{ schema: 'Order', ...options.orderMember }] : [],
    problems: { operations: ['book', 'confirmOrder'], problems: options.problems ?? [] },
  };
  return applyDecorators(Injectable(), SetMetadata(BOOKING_EXTENSION, options), SetMetadata(SCHEMA_EXTENSION, schemas));
}
