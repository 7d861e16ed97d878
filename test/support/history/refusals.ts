import type { Command, Refusal } from './calls.js';
import type { TimedState, Timeline } from './timeline.js';

/** What a refused call can have seen. */
export interface Window {
  /** The states after these sequences. */
  from: number;
  to: number;
  /** Whether the hold can have ended by then, held or expired as it is in this state. */
  canHaveEnded: (state: TimedState) => boolean;
}

/** @returns what is wrong with a refusal that its command permits; null when it was true at some moment of the window */
export function complaintAbout(refusal: Refusal, command: Command, timeline: Timeline, window: Window): string | null {
  if (command.do === 'book') return complaintAboutShortage(refusal, command.items, timeline, window);
  const states = timeline.statesOf(command.orderId);
  const complaint = complaintAboutStatus(statusIn(refusal), states, window);
  if (complaint !== null || !(command.do === 'confirm' && command.revive && refusal.code === 'hold-expired')) return complaint;
  // Until its expiry is written, nobody else can have taken the tickets.
  const written = states.find(({ status }) => status === 'expired');
  return written ? complaintAboutShortage(refusal, written.items, timeline, window) : 'its tickets were still there';
}

/** The state of the order that the refusal speaks of. */
export function statusIn({ code, orderStatus }: Refusal): string {
  return code === 'hold-expired' ? 'expired' : String(orderStatus);
}

function complaintAboutShortage(
  { shortages }: Refusal,
  items: ReadonlyArray<{ ticketTypeId: string; quantity: number }>,
  timeline: Timeline,
  window: Window,
): string | null {
  if (shortages.length === 0) return 'no shortage is named';
  const isTrue = (sequence: number) =>
    items.every(({ ticketTypeId, quantity }) => {
      const available = timeline.availableAt(ticketTypeId, sequence);
      const shortage = shortages.find((one) => one.ticketTypeId === ticketTypeId);
      if (!shortage) return available >= quantity;
      return available < quantity && shortage.available === available && shortage.requested === quantity;
    });
  for (let sequence = window.from; sequence <= window.to; sequence++) if (isTrue(sequence)) return null;
  return `${JSON.stringify(shortages)} was not true after any of ${window.from} to ${window.to}`;
}

function complaintAboutStatus(status: string, states: readonly TimedState[], window: Window): string | null {
  const { from, to, canHaveEnded } = window;
  const seen = states.filter(({ sequence }, index) => sequence <= to && (states[index + 1]?.sequence ?? Infinity) > from);
  const isTrue = (state: TimedState) =>
    status === 'expired' ? isExpired(state, states) && canHaveEnded(state) : state.status === status;
  if (seen.some(isTrue)) return null;
  return `the order was ${seen.map((state) => state.status).join(', then ') || 'not there'}, not ${status}`;
}

/** A hold past its end is expired before its line is written; then nothing but that line can follow. */
export function isExpired(state: TimedState, states: readonly TimedState[]): boolean {
  const next = states[state.version];
  return state.status === 'expired' || (state.status === 'held' && (next === undefined || next.step === 'expire'));
}
