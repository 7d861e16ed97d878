import type { Command } from './calls.js';

/** What a command may be answered with. Written down here once more, so that a mistake in the app's own rules is seen. */
export interface Permitted {
  /** HTTP status of a success. */
  status: number;
  /** States of the order that a success shows. */
  shows: readonly string[];
  /** By code: the states of the order in which it is refused; none where they are of no account. */
  refusals: Readonly<Record<string, readonly string[]>>;
}

/** HTTP status of all these refusals. */
export const REFUSED = 409;

export function permittedOf(command: Command): Permitted {
  switch (command.do) {
    case 'book':
      return { status: 201, shows: [command.holdSeconds === null ? 'confirmed' : 'held'], refusals: { 'sold-out': [] } };
    case 'confirm':
      return { status: 200, shows: ['confirmed'], refusals: { 'order-not-held': ['cancelled'], 'hold-expired': ['expired'] } };
    case 'extend':
      return {
        status: 200,
        shows: ['held'],
        refusals: { 'order-not-held': ['confirmed', 'cancelled'], 'hold-expired': ['expired'] },
      };
    case 'cancel':
      return command.items === null
        ? { status: 200, shows: ['cancelled'], refusals: { 'order-not-cancellable': ['expired'] } }
        : {
            status: 200,
            shows: ['held', 'confirmed', 'cancelled'],
            refusals: { 'order-not-cancellable': ['expired', 'cancelled'] },
          };
    case 'read':
      return { status: 200, shows: ['held', 'confirmed', 'cancelled', 'expired'], refusals: {} };
  }
}
