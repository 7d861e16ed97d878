import { createHmac } from 'node:crypto';
import { userId } from '../../platform/auth/principal.js';

/** Why an order was cancelled, where what was said may name a person. */
const ERASED_REASON = 'erased';
/** Written by the app itself. */
const EVENT_CANCELLED = 'event-cancelled';

/** Of the hash of a subject, in hexadecimal digits: 48 bits tell the few subjects of one address apart. */
const HASH_LENGTH = 12;

/** A free text, which may tell anything, without what it tells. */
export function erasedReason(reason: string | null): string | null {
  return reason === null || reason === EVENT_CANCELLED ? reason : ERASED_REASON;
}

/** What stands for an erased person: nobody can tell from it who they were. */
export class Pseudonym {
  /** Whom of the person's subjects it has met, and what stands for each. */
  private readonly subjects = new Map<string, string>();

  /** @param salt secret, and forgotten when the erasure is done: with it, a subject that is guessed could be checked */
  constructor(
    readonly id: string,
    private readonly salt: string,
  ) {}

  get name(): string {
    return `erased-${this.id}`;
  }

  /** An address under a domain that never exists (RFC 2606). */
  get email(): string {
    return `${this.name}@erased.invalid`;
  }

  /** Different subjects stay different customers, as the limit per customer counts by them, and each the same one after a crash. */
  subjectOf(subject: string): string {
    const hash = createHmac('sha256', this.salt).update(subject).digest('hex').slice(0, HASH_LENGTH);
    const made = `${this.name}-${hash}`;
    this.subjects.set(subject, made);
    return made;
  }

  /** Actors that the person was, and what stands for them. */
  get actors(): Map<string, string> {
    return new Map([...this.subjects].map(([subject, made]) => [userId(subject), userId(made)]));
  }

  /** Replaces the customer wherever `json` shows one of these orders as the API does. */
  replaceIn(json: unknown, orderIds: ReadonlySet<string>): unknown {
    if (Array.isArray(json)) return json.map((item) => this.replaceIn(item, orderIds));
    if (typeof json !== 'object' || json === null) return json;
    const members = Object.fromEntries(Object.entries(json).map(([name, value]) => [name, this.replaceIn(value, orderIds)]));
    if (!isOrder(members) || !orderIds.has(members.id)) return members;
    // In their places: the order of the members is that of every other answer.
    const replaced = {
      customer: { email: this.email, name: null },
      metadata: {},
      cancelReason: erasedReason(members.cancelReason),
    };
    return Object.assign(members, replaced);
  }
}

function isOrder(value: Record<string, unknown>): value is { id: string; customer: object; cancelReason: string | null } {
  return typeof value['id'] === 'string' && typeof value['customer'] === 'object' && value['cancelReason'] !== undefined;
}
