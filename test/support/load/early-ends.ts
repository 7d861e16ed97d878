import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { pg } from '../../../src/platform/database/pg-client.js';
import type { EventForSale } from './shoppers.js';

const PAUSE_MS = 200;
const HOLDS_A_TIME = 2;
/** Of so many latest ones; about those customers still ask. */
const LATEST = 30;
/** A server that does not answer is left alone until it does. */
const PATIENCE_MS = 2_000;

/**
 * Lets random holds end before their time, so that expiry is part of a load that is far shorter than a hold. Which ones, and
 * when, is written into their rows in the same statement, so that it is known of just those whose end has really come; and
 * under the event lock, as customers would see it else in the middle of a step.
 */
export class EarlyEnds {
  private readonly over = new AbortController();
  private readonly running: Promise<void>;

  constructor(private readonly events: readonly EventForSale[]) {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.over.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    let client: Client | null = null;
    while (!this.over.signal.aborted) {
      for (const { eventId, databaseUrl } of this.events) {
        if (databaseUrl === undefined) continue;
        try {
          client ??= await connect(databaseUrl);
          await client.query(statementsFor(eventId));
        } catch {
          // The database is what a fault is about.
          client?.end().catch(() => {});
          client = null;
        }
      }
      await sleep(PAUSE_MS, undefined, { signal: this.over.signal }).catch(() => {});
    }
    client?.end().catch(() => {});
  }
}

async function connect(url: string): Promise<Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'early ends',
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Sent at once: a lock that waited for the next statement of a client would be a fault of its own. */
function statementsFor(eventId: string): string {
  return `
    begin;
    set local lock_timeout = '500ms';
    select from events where id = '${eventId}' for update;
    update orders
       set expires_at = moment, metadata = metadata || jsonb_build_object(
             'endedInVersion', version::text, 'endedAt', (extract(epoch from moment) * 1000)::bigint::text)
      from (select date_trunc('milliseconds', clock_timestamp()) as moment) as clock
     where event_id = '${eventId}' and id in (
       select id from (
         select id from orders
          where event_id = '${eventId}' and status = 'held' and expires_at > clock_timestamp()
          order by sequence desc limit ${LATEST}
       ) as latest order by random() limit ${HOLDS_A_TIME});
    commit`;
}
