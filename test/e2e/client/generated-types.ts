import type * as Api from './generated/index.js';

/** What the generated types know. Each line fails to compile when they know less, or more. */

type IsAny<T> = 0 extends 1 & T ? true : false;
type Equal<A, B> = IsAny<A> extends true ? false : [A, B] extends [B, A] ? true : false;
type Expect<T extends true> = T;

export type Expectations = [
  // Members that can be null are nullable, the others are not, and all are there.
  Expect<Equal<Api.Event['venue'], string | null>>,
  Expect<Equal<Api.Event['maxTicketsPerCustomer'], number | null>>,
  Expect<Equal<Api.Event['name'], string>>,
  Expect<Equal<Api.Order['expiresAt'], string | null>>,
  Expect<Equal<Api.Order['customer'], { email: string; name: string | null }>>,
  Expect<Equal<Api.OrderPage['nextCursor'], string | null>>,
  Expect<Equal<Api.Order['metadata'], { [name: string]: string }>>,
  Expect<Equal<Api.Order['items'][number]['unitPrice'], { amount: number; currency: string }>>,
  Expect<
    Equal<
      keyof Api.Order,
      | 'id'
      | 'eventId'
      | 'sequence'
      | 'status'
      | 'items'
      | 'subtotal'
      | 'adjustments'
      | 'total'
      | 'voucher'
      | 'customer'
      | 'metadata'
      | 'expiresAt'
      | 'confirmedAt'
      | 'paymentReference'
      | 'cancelledAt'
      | 'cancelReason'
      | 'version'
      | 'createdAt'
      | 'updatedAt'
    >
  >,
  // A request may leave out or null what a response always has.
  Expect<Equal<Api.CreateEvent['venue'], string | null | undefined>>,
  Expect<Equal<Api.CreateEvent['startsAt'], string>>,
  // Enums are unions.
  Expect<Equal<Api.Order['status'], 'held' | 'confirmed' | 'cancelled' | 'expired'>>,
  Expect<Equal<Api.OrderTransition['from'], Api.OrderStatus | null>>,
  Expect<Equal<Api.Event['status'], 'draft' | 'published' | 'cancelled'>>,
  // Problems are told apart by code, at each operation and status, and have their own members.
  Expect<
    Equal<
      Api.BookErrors[409]['code'],
      | 'sold-out'
      | 'event-not-on-sale'
      | 'customer-limit-exceeded'
      | 'voucher-not-valid'
      | 'voucher-exhausted'
      | 'voucher-customer-limit'
    >
  >,
  // What a change carries is one of the resources.
  Expect<Equal<Api.Change['data'], Api.Order | Api.Event | Api.WebhookEndpoint>>,
  Expect<Equal<Api.BookErrors[422]['code'], 'quantity-out-of-range' | 'idempotency-key-reused'>>,
  Expect<Equal<Extract<Api.BookErrors[409], { code: 'customer-limit-exceeded' }>['alreadyBooked'], number>>,
  Expect<Equal<Extract<Api.BookErrors[409], { code: 'sold-out' }>['shortages'][number]['available'], number>>,
  Expect<Equal<Extract<Api.ConfirmOrderErrors[409], { code: 'hold-expired' }>['expiresAt'], string>>,
  Expect<Equal<Extract<Api.ConfirmOrderErrors[409], { code: 'order-not-held' }>['orderStatus'], Api.OrderStatus>>,
  Expect<Equal<Api.SoldOutProblem['code'], 'sold-out'>>,
  // The key is required where it is needed only, and so is If-Match.
  Expect<Equal<Api.BookData['headers']['Idempotency-Key'], string>>,
  Expect<Equal<NonNullable<Api.CreateEventData['headers']>['Idempotency-Key'], string | undefined>>,
  Expect<Equal<Api.UpdateEventData['headers']['If-Match'], string>>,
];
