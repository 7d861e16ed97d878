import type { AuditedChange } from '../../platform/audit/audit-log.js';
import { userId } from '../../platform/auth/principal.js';
import { auditedEvent, eventChange } from '../events/index.js';
import type { Order, OrderDto } from '../orders/index.js';
import type { InventoryCommand } from './commands.js';
import type { TurnLedger } from './turn-ledger.js';

/** Tells what became of it, once the command is executed; null: nothing that belongs in the audit log. */
type Audit = () => AuditedChange | null;

const NOTHING: Audit = () => null;

const VERBS = { confirm: 'confirmed', extend: 'extended', 'cancel-order': 'cancelled' } as const;

/** To be called before the command is executed. Staff are audited: whoever changes an order that is not their own, or an event. */
export function auditOf(ledger: TurnLedger, command: InventoryCommand): Audit {
  const author = { actor: command.actor, requestId: command.requestId ?? null };
  switch (command.kind) {
    case 'cancel-event': {
      const { event } = ledger;
      if (event.status === 'cancelled') return NOTHING;
      const before = auditedEvent(event);
      // Its orders follow; their histories tell.
      return () => eventChange(author, 'cancelled', before, event);
    }
    case 'confirm':
    case 'extend':
    case 'cancel-order': {
      const order = ledger.loaded.orders.get(command.orderId);
      if (!order || isOwnedBy(order, command.actor)) return NOTHING;
      const { version } = order;
      const before = auditedOrder(ledger.show(order));
      return () => {
        if (order.version === version) return null;
        const isPart = command.kind === 'cancel-order' && order.status !== 'cancelled';
        const action = isPart ? 'order.partially-cancelled' : `order.${VERBS[command.kind]}`;
        const target = { targetType: 'order', targetId: order.id, eventId: order.eventId };
        return { ...author, action, ...target, before, after: auditedOrder(ledger.show(order)) };
      };
    }
    default:
      return NOTHING;
  }
}

function isOwnedBy(order: Order, actor: string): boolean {
  return order.customerSubject !== null && userId(order.customerSubject) === actor;
}

/** Without the customer, their metadata and the reason, which may tell who they are: the audit log never forgets. */
function auditedOrder({ status, items, total, expiresAt, confirmedAt, paymentReference, cancelledAt, version }: OrderDto) {
  const quantities = items.map(({ ticketTypeId, quantity }) => ({ ticketTypeId, quantity }));
  return { status, items: quantities, total, expiresAt, confirmedAt, paymentReference, cancelledAt, version };
}
