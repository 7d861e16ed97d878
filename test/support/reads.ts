import type { ApiClient } from './client.js';

/** What the availability says of each ticket type: held, sold, available. */
export async function countsOf(api: ApiClient, eventId: string): Promise<number[][]> {
  const { body } = await api.get(`/v1/events/${eventId}/availability`);
  return body.ticketTypes.map(({ held, sold, available }: Record<string, number>) => [held, sold, available]);
}

interface Transition {
  sequence: number;
  step: string;
  from: string | null;
  to: string;
  at: string;
  actor: string;
  reason: string | null;
}

export async function historyOf(api: ApiClient, orderId: string): Promise<Transition[]> {
  return (await api.get(`/v1/orders/${orderId}/history?limit=200`)).body.items;
}

/** The steps of the order, oldest first. */
export async function stepsOf(api: ApiClient, orderId: string): Promise<string[]> {
  return (await historyOf(api, orderId)).map(({ step }) => step);
}
