import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import type { Author } from './author.js';

/** A change by staff. */
export interface AuditedChange extends Author {
  /** What was changed and how, as `ticket-type.deleted`. */
  action: string;
  targetType: string;
  /** A UUID. */
  targetId: string;
  /** The event that it belongs to; null or left out when it belongs to none. */
  eventId?: string | null;
  /** What was there; null: it is new. Never a secret, never what tells who a customer is: nobody can take it back from here. */
  before: object | null;
  /** What is there now; null: it is gone. */
  after: object | null;
}

/**
 * Adds a row per change in one statement; none for no change. Call it in the transaction of the change itself, so that both
 * are committed or neither is. The time is that of the database.
 */
async function record(em: EntityManager, ...changes: readonly AuditedChange[]): Promise<void> {
  if (changes.length === 0) return;
  await sql`/* write-audit-log */
    insert into audit_log (id, actor, action, target_type, target_id, event_id, request_id, before, after)
    select * from json_to_recordset(${JSON.stringify(changes.map(rowOf))}::json) as a (
      id uuid, actor text, action text, target_type text, target_id uuid, event_id uuid, request_id text, before jsonb, after jsonb)
  `.execute(em.getKysely());
}

/** Writes the audit log. */
export const AuditLog = { record } as const;

function rowOf(change: AuditedChange) {
  return {
    id: uuidv7(),
    actor: change.actor,
    action: change.action,
    target_type: change.targetType,
    target_id: change.targetId,
    event_id: change.eventId ?? null,
    request_id: change.requestId,
    before: change.before,
    after: change.after,
  };
}
