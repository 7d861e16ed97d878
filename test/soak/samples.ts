import { readdirSync } from 'node:fs';
import { residentMiB } from '../bench/cpu.js';
import type { TestDatabase } from '../support/database.js';
import type { AppProcess } from '../support/process.js';

/** What must not grow while the load stays the same. */
export interface Sample {
  minutes: number;
  /** Of all app processes together, as are the two below. */
  residentMiB: number;
  fileDescriptors: number;
  connections: number;
  /** Of the tables whose rows are changed all the time: `events` and `ticket_types` by every booking, and those of the jobs. */
  hotDeadRows: number;
  hotKiB: number;
  /** Tables and indexes that get rows with each order, for one order. */
  bytesPerOrder: number;
}

const TABLES = `
  with tables as (
    select n_dead_tup, pg_total_relation_size(relid) as bytes,
           schemaname = 'pgboss' or relname in ('events', 'ticket_types', 'domain_event_cursors') as is_hot,
           schemaname = 'public' and relname in ('orders', 'order_items', 'order_history', 'idempotency_keys', 'domain_events') as grows
      from pg_stat_user_tables)
  select coalesce(sum(n_dead_tup) filter (where is_hot), 0)::integer as "hotDeadRows",
         coalesce(sum(bytes) filter (where is_hot), 0)::float8 / 1024 as "hotKiB",
         coalesce(sum(bytes) filter (where grows), 0)::float8 / greatest(1, (select count(*) from orders)) as "bytesPerOrder"
    from tables`;

const CONNECTIONS = `
  select count(*)::integer as connections from pg_stat_activity
   where datname = current_database() and application_name = 'holdfast'`;

export async function takeSample(minutes: number, apps: readonly AppProcess[], database: TestDatabase): Promise<Sample> {
  const [tables] = await database.sql<Pick<Sample, 'hotDeadRows' | 'hotKiB' | 'bytesPerOrder'>>(TABLES);
  const [activity] = await database.sql<{ connections: number }>(CONNECTIONS);
  const pids = apps.map(({ child }) => child.pid!);
  return {
    minutes,
    residentMiB: sum(pids.map((pid) => residentMiB(pid) ?? 0)),
    fileDescriptors: sum(pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length)),
    ...activity!,
    ...tables!,
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
