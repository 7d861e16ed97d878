import type { AuditedChange } from '../../platform/audit/audit-log.js';
import type { Author } from '../../platform/audit/author.js';
import { toEventDto, toTicketTypeDto } from './event.mapper.js';
import type { EventDto } from './events.dto.js';
import type { Event } from './event.entity.js';
import type { TicketTypeDto } from './ticket-types.dto.js';
import type { TicketType } from './ticket-type.entity.js';

type AuditedEvent = Omit<EventDto, 'ticketTypes'>;

/** What the audit log keeps of an event; its ticket types have rows of their own. */
export function auditedEvent(event: Event): AuditedEvent {
  const { ticketTypes: _types, ...members } = toEventDto(event, []);
  return members;
}

export function eventChange(
  { actor, requestId }: Author,
  verb: 'created' | 'updated' | 'published' | 'cancelled',
  before: AuditedEvent | null,
  event: Event,
): AuditedChange {
  const target = { targetType: 'event', targetId: event.id, eventId: event.id };
  return { actor, requestId, action: `event.${verb}`, ...target, before, after: auditedEvent(event) };
}

export function ticketTypeChange(
  { actor, requestId }: Author,
  verb: 'created' | 'updated' | 'deleted',
  before: TicketTypeDto | null,
  ticketType: TicketType,
): AuditedChange {
  const target = { targetType: 'ticket-type', targetId: ticketType.id, eventId: ticketType.eventId };
  const after = verb === 'deleted' ? null : toTicketTypeDto(ticketType);
  return { actor, requestId, action: `ticket-type.${verb}`, ...target, before, after };
}
