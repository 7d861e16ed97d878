import type { components, paths } from './schema.js';

/** What the generated types know. Each line fails to compile when they know less, or more. */

type Schemas = components['schemas'];
type ProblemOf<
  Operation extends { responses: object },
  Status extends keyof Operation['responses'],
> = Operation['responses'][Status] extends { content: { 'application/problem+json': infer Problem } } ? Problem : never;

type IsAny<T> = 0 extends 1 & T ? true : false;
type Equal<A, B> = IsAny<A> extends true ? false : [A, B] extends [B, A] ? true : false;
type Expect<T extends true> = T;

type Book = paths['/v1/events/{eventId}/bookings']['post'];
type BookingConflict = ProblemOf<Book, 409>;

export type Expectations = [
  // Members that can be null are nullable, the others are not, and all are there.
  Expect<Equal<Schemas['Event']['venue'], string | null>>,
  Expect<Equal<Schemas['Event']['maxTicketsPerCustomer'], number | null>>,
  Expect<Equal<Schemas['Event']['name'], string>>,
  Expect<Equal<Schemas['Order']['expiresAt'], string | null>>,
  Expect<Equal<Schemas['Order']['customer'], { email: string; name: string | null }>>,
  Expect<Equal<Schemas['OrderPage']['nextCursor'], string | null>>,
  Expect<Equal<Schemas['Order']['metadata'], { [name: string]: string }>>,
  Expect<Equal<Schemas['Order']['items'][number]['unitPrice'], { amount: number; currency: string }>>,
  Expect<
    Equal<
      keyof Schemas['Order'],
      | 'id'
      | 'eventId'
      | 'sequence'
      | 'status'
      | 'items'
      | 'total'
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
  Expect<Equal<Schemas['CreateEvent']['venue'], string | null | undefined>>,
  Expect<Equal<Schemas['CreateEvent']['startsAt'], string>>,
  // Enums are unions.
  Expect<Equal<Schemas['Order']['status'], 'held' | 'confirmed' | 'cancelled' | 'expired'>>,
  Expect<Equal<Schemas['OrderTransition']['from'], Schemas['OrderStatus'] | null>>,
  Expect<Equal<Schemas['Event']['status'], 'draft' | 'published' | 'cancelled'>>,
  // Problems are told apart by code, at each operation and status, and have their own members.
  Expect<Equal<BookingConflict['code'], 'sold-out' | 'event-not-on-sale' | 'customer-limit-exceeded'>>,
  Expect<Equal<ProblemOf<Book, 422>['code'], 'quantity-out-of-range' | 'idempotency-key-reused'>>,
  Expect<Equal<Extract<BookingConflict, { code: 'customer-limit-exceeded' }>['alreadyBooked'], number>>,
  Expect<Equal<Extract<BookingConflict, { code: 'sold-out' }>['shortages'][number]['available'], number>>,
  Expect<Equal<Schemas['SoldOutProblem']['code'], 'sold-out'>>,
  // The key is required where it is needed only, and so is If-Match.
  Expect<Equal<Book['parameters']['header']['Idempotency-Key'], string>>,
  Expect<Equal<NonNullable<paths['/v1/events']['post']['parameters']['header']>['Idempotency-Key'], string | undefined>>,
  Expect<Equal<paths['/v1/events/{eventId}']['patch']['parameters']['header']['If-Match'], string>>,
];
