-- One row per broken invariant; no row is what every test wants to see.
with taken as (
  select t.event_id, t.id, t.held, t.sold, t.capacity,
         coalesce(sum(i.quantity) filter (where o.status = 'held'), 0) as held_by_orders,
         coalesce(sum(i.quantity) filter (where o.status = 'confirmed'), 0) as sold_by_orders
    from ticket_types t
    left join order_items i on i.event_id = t.event_id and i.ticket_type_id = t.id
    left join orders o on o.event_id = i.event_id and o.id = i.order_id
   group by t.event_id, t.id
), numbered as (
  select e.id, e.sequence, count(h.sequence) as lines, coalesce(min(h.sequence), 1) as first, coalesce(max(h.sequence), 0) as last
    from events e left join order_history h on h.event_id = e.id
   group by e.id
), priced as (
  select o.id, o.total_amount, o.adjustment_amount, count(i.ticket_type_id) as items, sum(i.quantity * i.unit_price_amount) as sum_of_items
    from orders o left join order_items i on i.order_id = o.id and i.event_id = o.event_id
   group by o.id, o.event_id
), last_line as (
  select distinct on (order_id) order_id, to_status from order_history order by order_id, sequence desc
), first_line as (
  select distinct on (order_id) order_id, sequence, from_status from order_history order by order_id, sequence
), first_fact as (
  -- Facts are purged after a while, the oldest first.
  select event_id, min(sequence) as sequence from domain_events where order_id is not null group by event_id
), chained as (
  select order_id, sequence, from_status, lag(to_status) over (partition by order_id order by sequence) as before from order_history
)
select 'held equals the held orders' as invariant, id::text as subject, held || ' <> ' || held_by_orders as found
  from taken where held <> held_by_orders
union all
select 'sold equals the confirmed orders', id::text, sold || ' <> ' || sold_by_orders from taken where sold <> sold_by_orders
union all
select 'never oversold', id::text, (held_by_orders + sold_by_orders) || ' > ' || capacity from taken
 where held_by_orders + sold_by_orders > capacity or held + sold > capacity or held < 0 or sold < 0
union all
select 'sequences run from 1 to the last without a gap', id::text, lines || ' lines from ' || first || ' to ' || last || ' of ' || sequence
  from numbered where lines <> sequence or last <> sequence or first <> 1
union all
select 'every order has items', id::text, items::text from priced where items = 0
union all
select 'every order has the total of its items and adjustments', id::text,
       total_amount || ' <> ' || sum_of_items || ' + ' || adjustment_amount
  from priced where total_amount <> sum_of_items + adjustment_amount
union all
select 'every line of history has its fact, and no other', coalesce(h.order_id, f.order_id)::text, coalesce(h.sequence, f.sequence)::text
  from (select o.* from order_history o join first_fact f on f.event_id = o.event_id and o.sequence >= f.sequence) h
  full join (select * from domain_events where order_id is not null) f
    on f.event_id = h.event_id and f.sequence = h.sequence and f.order_id = h.order_id
 where h.order_id is null or f.order_id is null
union all
select 'the last line of history is the state of the order', o.id::text, o.status || ' <> ' || coalesce(l.to_status, 'no history')
  from orders o left join last_line l on l.order_id = o.id where l.to_status is distinct from o.status
union all
select 'the first line of history is the booking', o.id::text, coalesce(f.sequence::text, 'no history')
  from orders o left join first_line f on f.order_id = o.id where f.sequence is distinct from o.sequence or f.from_status is not null
union all
select 'each line of history starts where the one before ended', order_id::text, sequence::text
  from chained where from_status is distinct from before
union all
select 'each key of a booking has one order, of its own', k.key, coalesce(o.id::text, 'no order')
  from (select key, status, (body::json ->> 'id')::uuid as order_id, count(*) over (partition by body::json ->> 'id') as uses
          from idempotency_keys where status = 201 and body::json ->> 'sequence' is not null) k
  left join orders o on o.id = k.order_id
 where o.id is null or k.uses > 1
union all
select 'the orders of a cancelled event are cancelled', o.id::text, o.status
  from orders o join events e on e.id = o.event_id
 where e.status = 'cancelled' and not e.has_orders_to_cancel and o.status in ('held', 'confirmed');
