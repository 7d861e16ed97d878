import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { COUNTED_AS, CUSTOMER_LIMIT_EXCEEDED, customerIdentity, customerKeyOf, type OrderStatus } from '../../orders/index.js';
import {
  type BookingPolicy,
  type BookingRequest,
  ExtendsBooking,
  type OrderChange,
  type OrderTransitionListener,
  type TurnToLoad,
} from '../extensions/booking-extension.js';

/** Tickets in live orders, by customer; null where the event does not limit them. */
type TicketsOfCustomers = Map<string, number> | null;

/** What one customer may have of an event, in all its live orders together. */
@ExtendsBooking({ name: 'customer-limit', order: 30 })
export class CustomerLimitPolicy implements BookingPolicy<TicketsOfCustomers>, OrderTransitionListener<TicketsOfCustomers> {
  async load(em: EntityManager, { event, now, requests }: TurnToLoad): Promise<TicketsOfCustomers> {
    if (event.maxTicketsPerCustomer === null) return null;
    const tickets = new Map<string, number>();
    if (requests.length === 0) return tickets;
    const subjects = requests.flatMap(({ customer }) => customer.subject ?? []);
    const keys = requests.flatMap(({ customer }) => (customer.subject === null ? customerKeyOf(customer.email) : []));
    const { rows } = await sql<{ customer_key: string; customer_subject: string | null; tickets: number }>`/* load-customers */
      select o.customer_subject, o.customer_key, sum(i.quantity)::integer as tickets
        from orders o join order_items i on i.order_id = o.id and i.event_id = o.event_id
       where o.event_id = ${event.id}
         and (o.customer_subject = any(${subjects}::text[]) or (o.customer_subject is null and o.customer_key = any(${keys}::text[])))
         and (o.status = 'confirmed' or (o.status = 'held' and o.expires_at > ${now}))
       group by o.customer_subject, o.customer_key
    `.execute(em.getKysely());
    for (const row of rows)
      add(tickets, customerIdentity({ email: row.customer_key, subject: row.customer_subject }), row.tickets);
    return tickets;
  }

  decide(request: BookingRequest, tickets: TicketsOfCustomers): void {
    const limit = request.event.maxTicketsPerCustomer;
    if (tickets === null || limit === null) return;
    const wanted = request.lines.reduce((sum, { quantity }) => sum + quantity, 0);
    const alreadyBooked = tickets.get(request.customerIdentity) ?? 0;
    if (alreadyBooked + wanted <= limit) return;
    const detail = `A customer may have ${limit} tickets of this event and has ${alreadyBooked}.`;
    throw new DomainError(CUSTOMER_LIMIT_EXCEEDED, detail, { limit, alreadyBooked });
  }

  decided({ order, transition, tickets: moved }: OrderChange, tickets: TicketsOfCustomers): void {
    // What was loaded leaves out holds past their end, so their expiry changes nothing.
    if (tickets === null || transition.step === 'expire') return;
    const direction = transition.step === 'cancel-partly' ? -1 : isLive(transition.toStatus) - isLive(transition.fromStatus);
    for (const { quantity } of moved) add(tickets, order.customerIdentity, direction * quantity);
  }
}

function add(tickets: Map<string, number>, customer: string, quantity: number): void {
  tickets.set(customer, (tickets.get(customer) ?? 0) + quantity);
}

function isLive(status: OrderStatus | null): 0 | 1 {
  return status && COUNTED_AS[status] ? 1 : 0;
}
