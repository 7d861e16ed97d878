import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { STATEMENT_TIME } from '../../../platform/database/clock.js';
import { Metrics } from '../../../platform/observability/metrics.js';

/** Bounds the series that a scrape has, and what it costs. */
const EVENTS_MAX = 100;
/** The events of the latest orders come first: those are the ones that are being watched. */
const LATEST_ORDERS = 1_000;

interface Row {
  event_id: string | null;
  held: number;
  sold: number;
  available: number;
  expiry_lag_seconds: number;
}

/** Shows what is left of the events on sale, and whether holds past their end are being stored as expired. */
@Injectable()
export class InventoryMetrics {
  private readonly tickets;
  private readonly expiryLag;

  constructor(
    private readonly em: EntityManager,
    metrics: Metrics,
  ) {
    this.tickets = metrics.gauge({
      name: 'holdfast_tickets',
      help: `Tickets by state, of the ${EVENTS_MAX} events on sale with the latest orders or the soonest start`,
      labelNames: ['event', 'state'],
    });
    this.expiryLag = metrics.gauge({
      name: 'holdfast_expiry_lag_seconds',
      help: 'How long the oldest hold past its end waits for its expiry to be stored; 0: none waits',
    });
    metrics.readAtScrape('inventory', [this.tickets, this.expiryLag], () => this.read());
  }

  /** In one statement, so that all the numbers are of one moment. Tickets of holds past their end count as available. */
  private async read(): Promise<void> {
    const now = sql.raw(STATEMENT_TIME);
    const { rows } = await sql<Row>`/* read-metrics */
      with latest as (
        select event_id, max(created_at) as ordered_at
          from (select event_id, created_at from orders order by created_at desc, id desc limit ${LATEST_ORDERS}) o
         group by event_id
      ), soonest as (
        select id from events where status = 'published' and starts_at > ${now} order by starts_at, id limit ${EVENTS_MAX}
      ), shown as (
        select e.id from events e left join latest on latest.event_id = e.id
         where e.id in (select event_id from latest union select id from soonest)
           and e.status = 'published' and e.starts_at > ${now}
           and (e.sales_open_at is null or e.sales_open_at <= ${now}) and (e.sales_close_at is null or e.sales_close_at > ${now})
         order by latest.ordered_at desc nulls last, e.starts_at, e.id limit ${EVENTS_MAX}
      ), overdue as (
        select i.event_id, i.ticket_type_id, sum(i.quantity) as tickets
          from orders o join order_items i on i.order_id = o.id and i.event_id = o.event_id
         where o.event_id in (select id from shown) and o.status = 'held' and o.expires_at <= ${now}
         group by i.event_id, i.ticket_type_id
      ), counted as (
        select t.event_id, sum(t.held - coalesce(overdue.tickets, 0))::float8 as held, sum(t.sold)::float8 as sold,
               sum(t.capacity - t.held - t.sold + coalesce(overdue.tickets, 0))::float8 as available
          from ticket_types t
          left join overdue on overdue.event_id = t.event_id and overdue.ticket_type_id = t.id
         where t.event_id in (select id from shown)
         group by t.event_id
      ), lag as (
        select greatest(0, extract(epoch from ${now} - min(expires_at)))::float8 as seconds from orders where status = 'held'
      )
      select coalesce(lag.seconds, 0) as expiry_lag_seconds, counted.* from lag left join counted on true
    `.execute(this.em.fork().getKysely());
    this.expiryLag.set(rows[0]?.expiry_lag_seconds ?? 0);
    this.tickets.reset();
    for (const { event_id: event, held, sold, available } of rows) {
      if (event === null) continue;
      this.tickets.set({ event, state: 'held' }, held);
      this.tickets.set({ event, state: 'sold' }, sold);
      this.tickets.set({ event, state: 'available' }, available);
    }
  }
}
