import type { ApiClient } from './client.js';

const DAY_MS = 86_400_000;

export function inDays(days: number): string {
  return new Date(Date.now() + days * DAY_MS).toISOString();
}

export function eventBody(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'Concert', startsAt: inDays(30), timeZone: 'Europe/Berlin', currency: 'EUR', ...overrides };
}

export function ticketTypeBody(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'Standard', price: { amount: 4500, currency: 'EUR' }, capacity: 100, ...overrides };
}

/** A draft event. @returns its id */
export async function createEvent(api: ApiClient, overrides: Record<string, unknown> = {}): Promise<string> {
  const reply = await api.post('/v1/events', eventBody(overrides));
  if (reply.status !== 201) throw new Error(`No event: ${JSON.stringify(reply.body)}`);
  return reply.body.id as string;
}

/** @returns its id */
export async function createTicketType(
  api: ApiClient,
  eventId: string,
  overrides: Record<string, unknown> = {},
): Promise<string> {
  const reply = await api.post(`/v1/events/${eventId}/ticket-types`, ticketTypeBody(overrides));
  if (reply.status !== 201) throw new Error(`No ticket type: ${JSON.stringify(reply.body)}`);
  return reply.body.id as string;
}

/** A published event with one ticket type per capacity. */
export async function eventOnSale(
  api: ApiClient,
  capacities: number[] = [100],
  overrides: Record<string, unknown> = {},
): Promise<{ eventId: string; ticketTypeIds: string[]; ticketTypeId: string }> {
  const eventId = await createEvent(api, overrides);
  const ticketTypeIds: string[] = [];
  for (const [index, capacity] of capacities.entries()) {
    ticketTypeIds.push(await createTicketType(api, eventId, { name: `Type ${index + 1}`, capacity }));
  }
  const published = await api.post(`/v1/events/${eventId}/publish`);
  if (published.status !== 200) throw new Error(`Not published: ${JSON.stringify(published.body)}`);
  return { eventId, ticketTypeIds, ticketTypeId: ticketTypeIds[0]! };
}
