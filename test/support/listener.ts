import { connect, type Socket } from 'node:net';
import { EventSource } from 'eventsource';
import { ADMIN } from './api-keys.js';
import { eventually } from './faults.js';

export interface Message {
  id: string;
  type: string;
  data: {
    eventId: string;
    asOf: string;
    ticketTypes: Array<{
      ticketTypeId: string;
      name: string;
      capacity: number;
      held: number;
      sold: number;
      available: number;
      onSale: boolean;
    }>;
  };
}

export const streamPath = (eventId: string) => `/v1/events/${eventId}/availability/stream`;

/** A real EventSource of the admin, who sees drafts too, on the availability of an event, with all that it was sent. */
export class Listener {
  readonly messages: Message[] = [];
  /** Of each interruption: the HTTP status, or null when there was none. */
  readonly errors: Array<number | null> = [];
  private readonly source: EventSource;

  constructor(url: string, eventId: string) {
    this.source = new EventSource(url + streamPath(eventId), {
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${ADMIN.key}` } }),
    });
    this.source.addEventListener('availability', ({ lastEventId, type, data }) =>
      this.messages.push({ id: lastEventId, type, data: JSON.parse(data) as Message['data'] }),
    );
    this.source.addEventListener('error', ({ code }) => this.errors.push(code ?? null));
  }

  get last(): Message | undefined {
    return this.messages.at(-1);
  }

  get isClosedForGood(): boolean {
    return this.source.readyState === EventSource.CLOSED;
  }

  /** The first message, after `skipped` others, whose first ticket type has these members. */
  receives(expected: Partial<Message['data']['ticketTypes'][number]>, skipped = 0): Promise<Message> {
    const fits = ({ data }: Message) =>
      Object.entries(expected).every(
        ([name, value]) => (data.ticketTypes[0] as Record<string, unknown> | undefined)?.[name] === value,
      );
    const what = `a message with ${JSON.stringify(expected)}`;
    return eventually(what, () => Promise.resolve(this.messages.slice(skipped).find(fits)));
  }

  close(): void {
    this.source.close();
  }
}

/** A connection that asks for a stream and is left alone: nothing is read until `text` is. */
export class RawListener {
  private constructor(readonly socket: Socket) {}

  static async open(url: string, eventId: string, streams = 1): Promise<RawListener> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(
      `GET ${streamPath(eventId)} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${ADMIN.key}\r\n\r\n`.repeat(streams),
    );
    await new Promise((resolve) => socket.once('readable', resolve));
    return new RawListener(socket);
  }

  /** What arrives, up to and with `part`. */
  async textWith(part: string): Promise<string> {
    let text = '';
    return eventually(`the text ${part}`, () => {
      text += (this.socket.read() as Buffer | null)?.toString('utf8') ?? '';
      return Promise.resolve(text.includes(part) && text);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}
