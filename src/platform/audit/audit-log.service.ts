import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { afterCursor, toPage, type Page } from '../http/pagination.js';
import { formatTime } from '../http/times.js';
import { AuditEntry } from './audit-entry.entity.js';
import type { AuditEntryDto, AuditLogQueryDto } from './audit-log.dto.js';

/** Reads the audit log. */
@Injectable()
export class AuditLogService {
  constructor(private readonly em: EntityManager) {}

  async list(query: AuditLogQueryDto): Promise<Page<AuditEntryDto>> {
    const { actor, action, targetId, eventId, from, to } = query;
    const entries = await this.em.fork().find(
      AuditEntry,
      {
        $and: [
          actor ? { actor } : {},
          action ? { action } : {},
          targetId ? { targetId: targetId.toLowerCase() } : {},
          eventId ? { eventId: eventId.toLowerCase() } : {},
          from ? { at: { $gte: new Date(from) } } : {},
          to ? { at: { $lt: new Date(to) } } : {},
          afterCursor<AuditEntry>(query, 'at', 'desc'),
        ],
      },
      { orderBy: { at: 'desc', id: 'desc' }, limit: query.limit + 1 },
    );
    return toPage(entries, query, ({ at, id }) => [formatTime(at), id], toAuditEntryDto);
  }
}

function toAuditEntryDto(entry: AuditEntry): AuditEntryDto {
  return {
    id: entry.id,
    at: formatTime(entry.at),
    actor: entry.actor,
    action: entry.action,
    targetType: entry.targetType,
    targetId: entry.targetId,
    eventId: entry.eventId,
    requestId: entry.requestId,
    before: entry.before,
    after: entry.after,
  };
}
