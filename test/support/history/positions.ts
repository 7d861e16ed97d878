/** Where in the sequence of its event a request was done, as far as its answer tells: the first and the last number that it can be. */
export interface Position {
  from: number;
  to: number;
  /** It is itself the line `from`; else it only saw the state after it. */
  isLine: boolean;
}

export interface Placed {
  key: string;
  invokedAt: number;
  completedAt: number;
  position: Position;
}

interface Bound {
  at: number;
  sequence: number;
  key: string;
}

/** How many of the sorted bounds are before `time`. */
function countBefore(bounds: readonly Bound[], time: number): number {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle]!.at < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What the clock says about the sequence: all that was answered before a call began was done before it, all that began after
 * its answer is done after it. Everything is one sort and one pass, because the lock has numbered what was done.
 */
export class RealTime {
  /** By time of the answer: the largest sequence that was certainly reached by then. */
  private readonly reached: Bound[];
  /** By time of the call, last first and negated: the smallest sequence that was certainly not passed before. */
  private readonly ahead: Bound[];

  constructor(placed: readonly Placed[]) {
    this.reached = running(
      placed.map(({ key, completedAt, position }) => ({ at: completedAt, sequence: position.from, key })),
      Math.max,
    );
    this.ahead = running(
      placed.map(({ key, invokedAt, position }) => ({
        at: -invokedAt,
        sequence: position.isLine ? position.from - 1 : position.to,
        key,
      })),
      Math.min,
    );
  }

  /** The last sequence that was certainly reached before this moment, and by whom. */
  reachedBefore(time: number): { sequence: number; key: string | null } {
    return this.reached[countBefore(this.reached, time) - 1] ?? { sequence: 0, key: null };
  }

  /** The last sequence that a call which had its answer at this moment can have seen. */
  seenUpTo(time: number, last: number): number {
    return Math.min(last, this.ahead[countBefore(this.ahead, -time) - 1]?.sequence ?? last);
  }
}

/** Sorted by time, with the extreme so far in each. */
function running(bounds: Bound[], extreme: (a: number, b: number) => number): Bound[] {
  const sorted = bounds.toSorted((a, b) => a.at - b.at);
  let best: Bound | undefined;
  return sorted.map((bound) => {
    if (!best || (bound.sequence !== best.sequence && extreme(bound.sequence, best.sequence) === bound.sequence)) best = bound;
    return { at: bound.at, sequence: best.sequence, key: best.key };
  });
}
