import { defineDomainEvent, type DomainEventType, type NewDomainEvent } from '../../platform/domain-events/domain-event.js';
import type { EventDto } from './events.dto.js';

/** As everywhere, drafts are nothing to the public; an event that was cancelled as a draft is never published any more. */
const OF_A_DRAFT = `fact.data ->> 'status' = 'draft' or fact.data ->> 'status' = 'cancelled' and exists (
  select from events e where e.id = fact.event_id and e.published_at is null)`;

const fact = (type: string, description: string) =>
  defineDomainEvent<EventDto>({
    type,
    version: 1,
    description,
    schema: 'Event',
    restricted: { scope: 'events:write', when: OF_A_DRAFT },
  });

export const EventPublished = fact('event.published', 'An event went on sale.');
export const EventUpdated = fact('event.updated', 'What is said about an event has changed.');
export const EventCancelled = fact('event.cancelled', 'An event was cancelled; its orders follow.');
export const TicketTypeChanged = fact(
  'ticket-type.changed',
  'A ticket type was added, changed or deleted; the data is its event.',
);

export function eventFact(type: DomainEventType<EventDto>, event: EventDto, occurredAt: Date): NewDomainEvent<EventDto> {
  return { type, eventId: event.id, occurredAt, data: event };
}
