import { extensionBody } from '../../../platform/http/schema-extensions.js';
import { type Event, type TicketType, ticketTypeNotFound } from '../../events/index.js';
import { customerIdentity, type Order } from '../../orders/index.js';
import type { BookCommand, ConfirmCommand, InventoryCommand } from '../commands.js';
import type { BookingRequest } from './booking-extension.js';

/** Tickets of one type that somebody wants. */
export interface Line {
  ticketType: TicketType;
  quantity: number;
}

export type TicketsRequest = BookingRequest & { readonly lines: readonly Line[] };

interface Scene {
  event: Event;
  now: Date;
  ticketTypes: ReadonlyMap<string, TicketType>;
  orders: ReadonlyMap<string, Order>;
}

/** What the commands want tickets for; a command that wants none has no request. */
export function requestsOf(commands: readonly InventoryCommand[], scene: Scene): Map<InventoryCommand, TicketsRequest> {
  const requests = new Map<InventoryCommand, TicketsRequest>();
  for (const command of commands) {
    if (command.kind === 'book') requests.set(command, bookingOf(command, scene));
    if (command.kind !== 'confirm' || !command.reviveIfAvailable) continue;
    const order = scene.orders.get(command.orderId);
    if (order?.statusAt(scene.now) === 'expired') requests.set(command, revivalOf(command, order, scene));
  }
  return requests;
}

function bookingOf(command: BookCommand, scene: Scene): TicketsRequest {
  const { orderId, customer, metadata, holdSeconds, actor } = command;
  const lines = linesOf(command.items, scene);
  return {
    kind: 'book',
    event: scene.event,
    now: scene.now,
    get lines() {
      return lines();
    },
    orderId,
    customer,
    customerIdentity: customerIdentity(customer),
    metadata,
    holdSeconds,
    actor,
    order: null,
    body: (type) => (command.body ? extensionBody(command.body, type) : undefined),
  };
}

function revivalOf(command: ConfirmCommand, order: Order, scene: Scene): TicketsRequest {
  const lines = linesOf(order.items.getItems(), scene);
  return {
    kind: 'revive',
    event: scene.event,
    now: scene.now,
    get lines() {
      return lines();
    },
    orderId: order.id,
    customer: { email: order.customerEmail, name: order.customerName, subject: order.customerSubject },
    customerIdentity: order.customerIdentity,
    metadata: order.metadata,
    holdSeconds: null,
    actor: command.actor,
    order,
    body: () => undefined,
  };
}

/** The lines are looked up when they are asked for, so that what is asked before them is refused before them. */
function linesOf(items: ReadonlyArray<{ ticketTypeId: string; quantity: number }>, { ticketTypes }: Scene): () => Line[] {
  let lines: Line[] | undefined;
  return () =>
    (lines ??= items.map(({ ticketTypeId, quantity }) => {
      const ticketType = ticketTypes.get(ticketTypeId);
      if (!ticketType) throw ticketTypeNotFound(ticketTypeId);
      return { ticketType, quantity };
    }));
}
