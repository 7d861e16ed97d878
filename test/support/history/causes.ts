import type { Command, ShownOrder } from './calls.js';
import { alwaysChanges, canCause, type Request, successOf } from './requests.js';
import { endsAsShown, type OrderState, stateAfter, textOf } from './sequential-model.js';
import type { StoredEvent, StoredLine, StoredOrder } from './stored.js';
import type { Rule, Violation } from './violation.js';

/** Steps that the app does by itself. */
const UNASKED = new Set(['expire']);

interface Cause {
  line: StoredLine;
  /** The requests that can have led to this line. */
  able: Request[];
  /** Those of them that were answered with the state after it. */
  claimants: Request[];
  cause: Request | null;
}

/** Which request has caused which line: by its answer or its key, or, where it has none, because nothing else fits. */
export class Causes {
  readonly violations: Violation[] = [];
  private readonly orders: Map<string, StoredOrder>;
  private readonly bookings: Map<string, Request>;
  /** By the order that they were answered with. */
  private readonly acknowledged: Map<string, Request>;
  private readonly changes = new Map<string, Request[]>();
  private readonly causes: Map<string, Cause[]>;

  constructor(event: StoredEvent, requests: readonly Request[]) {
    this.orders = new Map(event.orders.map((order) => [order.id, order]));
    this.bookings = new Map(requests.flatMap((request) => (request.command.do === 'book' ? [[request.key, request]] : [])));
    this.acknowledged = new Map(
      [...this.bookings.values()].flatMap((request) => {
        const shown = successOf(request);
        return shown ? [[shown.id, request]] : [];
      }),
    );
    for (const request of requests) {
      if (request.command.do === 'book') continue;
      append(this.changes, request.command.orderId, request);
    }
    this.checkBookings(event.orders);
    const lines = new Map<string, StoredLine[]>();
    for (const line of event.lines) append(lines, line.orderId, line);
    this.causes = new Map([...lines].map(([orderId, ofOrder]) => [orderId, this.causesOf(orderId, ofOrder)]));
  }

  /** What led to this version of the order, as far as it can be said; of a booking that nobody asked for, what its row is. */
  commandOf(orderId: string, version: number): Command | null {
    const cause = this.causes.get(orderId)?.[version - 1]?.cause;
    if (cause) return cause.command;
    const order = version === 1 ? this.orders.get(orderId) : undefined;
    const seconds = order && order.expiresAt !== null ? (order.expiresAt - this.causes.get(orderId)![0]!.line.at) / 1000 : null;
    return order ? { do: 'book', items: order.items, holdSeconds: seconds } : null;
  }

  /** Whether the line that a success shows can be its own, where its command always has one. */
  claims(request: Request, { id, version }: ShownOrder): boolean {
    return !alwaysChanges(request) || this.causes.get(id)?.[version - 1]?.claimants.includes(request) === true;
  }

  /** Whether nobody else can have done it. */
  isCertainlyCausedBy(request: Request, orderId: string, version: number): boolean {
    const found = this.causes.get(orderId)?.[version - 1];
    return found?.cause === request && isCertain(found);
  }

  /** The moment on the clock of the calls at which the line certainly was there; Infinity: nobody knows. */
  latestMoment(orderId: string, version: number): number {
    const found = this.causes.get(orderId)?.[version - 1];
    return found && isCertain(found) && successOf(found.cause!) ? found.cause!.completedAt! : Infinity;
  }

  /** What certainly was done, by the calls that were never told so. */
  unacknowledged(): Array<{ request: Request; sequence: number }> {
    return [...this.causes.values()].flat().flatMap((found) => {
      const { cause, line } = found;
      return cause && !successOf(cause) && isCertain(found) ? [{ request: cause, sequence: line.sequence }] : [];
    });
  }

  /** The moment on the clock of the calls before which the line was certainly not there; -Infinity: nobody knows. */
  earliestMoment(orderId: string, version: number): number {
    const found = this.causes.get(orderId)?.[version - 1];
    return found && isCertain(found) ? found.cause!.invokedAt : -Infinity;
  }

  private complain(rule: Rule, subject: string, detail: string): void {
    this.violations.push({ rule, subject, detail });
  }

  private checkBookings(orders: readonly StoredOrder[]): void {
    const byKey = new Map<string, string>();
    for (const { id, key } of orders) {
      const request = key === null ? undefined : this.bookings.get(key);
      if (!request) this.complain('nobody-asked', id, `booked with the key ${key}`);
      else if (byKey.has(key!)) this.complain('two-orders-of-one-key', key!, `${byKey.get(key!)} and ${id}`);
      else if (!successOf(request) && !request.mayHaveHappened)
        this.complain('refused-but-done', key!, `order ${id}; ${JSON.stringify(request.answer)}`);
      byKey.set(key ?? id, id);
    }
  }

  private causesOf(orderId: string, lines: readonly StoredLine[]): Cause[] {
    const causes = lines.map((line, index) => this.claimsOf(line, index + 1));
    const chosen =
      choose(causes, this.knownStates(orderId, lines.length), this.orders.get(orderId)?.ended ?? null) ?? chooseFirst(causes);
    for (const [index, cause] of causes.entries()) {
      cause.cause = chosen[index]!;
      // A booking of an unknown key is complained about already.
      const isKnown = index > 0 || this.bookingOf(orderId) !== null;
      const { step, sequence } = cause.line;
      if (!cause.cause && isKnown && !UNASKED.has(step)) this.complain('nobody-asked', orderId, `${step} at ${sequence}`);
    }
    return causes;
  }

  private claimsOf(line: StoredLine, version: number): Cause {
    const { orderId, step, sequence } = line;
    const booking = this.bookingOf(orderId);
    const asked = version > 1 ? (this.changes.get(orderId) ?? []) : booking ? [booking] : [];
    const able = asked.filter((request) => canCause(request, step));
    const claimants = able.filter((request) => {
      const shown = successOf(request);
      return shown?.id === orderId && shown.version === version;
    });
    const surely = claimants.filter(alwaysChanges);
    if (surely.length > 1) this.complain('lost-update', orderId, `${surely.map(({ key }) => key).join(' and ')} at ${sequence}`);
    const cause = version === 1 ? able[0] : (surely[0] ?? claimants[0]);
    return { line, able, claimants, cause: cause ?? null };
  }

  private bookingOf(orderId: string): Request | null {
    const order = this.orders.get(orderId);
    return (order ? this.bookings.get(order.key ?? '') : this.acknowledged.get(orderId)) ?? null;
  }

  /** What answers and the row say of the order, by version. */
  private knownStates(orderId: string, versions: number): Map<number, Known> {
    const known = new Map<number, Known>();
    for (const request of this.changes.get(orderId) ?? []) {
      const shown = successOf(request);
      if (shown?.id === orderId) known.set(shown.version, shown);
    }
    const row = this.orders.get(orderId);
    if (row) known.set(versions, row);
    return known;
  }
}

type Known = Pick<ShownOrder, 'items' | 'expiresAt'>;

/** Whether nobody but its cause can have led to the line; a key in the order, or a success that always changes, leaves no doubt. */
function isCertain({ line, able, claimants, cause }: Cause): boolean {
  if (!cause) return false;
  if (line.from === null || (claimants.includes(cause) && alwaysChanges(cause))) return true;
  return able.every((other) => other === cause || (!claimants.includes(other) && !other.mayHaveHappened));
}

/** Each line that nobody claims is given to a request of unknown outcome, so that all is as it is known to be. @returns null when that cannot be */
function choose(
  causes: readonly Cause[],
  known: ReadonlyMap<number, Known>,
  ended: StoredOrder['ended'],
): Array<Request | null> | null {
  const used = new Set<Request>();
  const from = (index: number, before: OrderState | undefined): Array<Request | null> | null => {
    if (index === causes.length) return [];
    for (const candidate of candidatesOf(causes[index]!, used)) {
      const after = stateAfter(before, causes[index]!.line, candidate?.command ?? null, ended);
      const seen = known.get(index + 1);
      if (seen && !(textOf(seen.items) === textOf(after.items) && endsAsShown(after, seen))) continue;
      if (candidate) used.add(candidate);
      const rest = from(index + 1, after);
      if (rest) return [candidate, ...rest];
      if (candidate) used.delete(candidate);
    }
    return null;
  };
  return from(0, undefined);
}

/** When nothing fits, what is wrong is seen all the same. */
function chooseFirst(causes: readonly Cause[]): Array<Request | null> {
  const used = new Set<Request>();
  return causes.map((cause) => {
    const chosen = candidatesOf(cause, used)[0] ?? null;
    if (chosen) used.add(chosen);
    return chosen;
  });
}

function candidatesOf({ line, able, cause }: Cause, used: ReadonlySet<Request>): Array<Request | null> {
  if (cause) return [cause];
  if (UNASKED.has(line.step)) return [null];
  return able.filter((request) => request.mayHaveHappened && !used.has(request));
}

function append<T>(lists: Map<string, T[]>, name: string, one: T): void {
  const list = lists.get(name);
  if (list) list.push(one);
  else lists.set(name, [one]);
}
