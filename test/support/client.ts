import { randomUUID } from 'node:crypto';

export interface Reply<T = any> {
  status: number;
  headers: Headers;
  body: T;
}

/** A plain HTTP client of the API under `url`. */
export class ApiClient {
  /** @param token sent as `Authorization`; null: none */
  constructor(
    readonly url: string,
    readonly token: string | null = null,
  ) {}

  /** The same API, asked by somebody else. */
  as(token: string | null): ApiClient {
    return new ApiClient(this.url, token);
  }

  get authorization(): Record<string, string> {
    return this.token === null ? {} : { authorization: `Bearer ${this.token}` };
  }

  async send<T = any>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal: AbortSignal | null = null,
  ): Promise<Reply<T>> {
    const response = await fetch(this.url + path, {
      method,
      signal,
      headers: { ...this.authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? undefined : JSON.parse(text)) as T };
  }

  get<T = any>(path: string, headers?: Record<string, string>): Promise<Reply<T>> {
    return this.send('GET', path, undefined, headers);
  }

  post<T = any>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply<T>> {
    return this.send('POST', path, body, headers);
  }

  patch<T = any>(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply<T>> {
    return this.send('PATCH', path, body, headers);
  }

  /** Books; with a key of its own unless one is given. */
  book<T = any>(
    eventId: string,
    items: Record<string, number>,
    options: { key?: string; email?: string; holdSeconds?: number } = {},
  ): Promise<Reply<T>> {
    return this.post(
      `/v1/events/${eventId}/bookings`,
      {
        items: Object.entries(items).map(([ticketTypeId, quantity]) => ({ ticketTypeId, quantity })),
        customer: { email: options.email ?? 'ada@example.com', name: 'Ada' },
        ...(options.holdSeconds === undefined ? {} : { hold: { seconds: options.holdSeconds } }),
      },
      { 'idempotency-key': options.key ?? randomUUID() },
    );
  }
}

/** How many of each status, as `{ 201: 100, 409: 400 }`. */
export function countByStatus(replies: readonly Reply[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of replies) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
