import { type Consumption, WINDOW_SECONDS } from './rate-limit.js';

const WINDOW_MS = WINDOW_SECONDS * 1_000;
/** Most of whom one counter knows at a time: some 20 MB. */
const KNOWN_MAX = 100_000;

interface Window {
  used: number;
  /** By a clock that nobody sets. */
  readonly endsAtMs: number;
}

/**
 * Counts in this process. All windows are equally long, so a map in the order in which they began is also in the order in which
 * they end: no timers, and when there is no room, the window is given up that would have ended first. Of the libraries' own,
 * rate-limiter-flexible's has a timer per key and no bound, and @nestjs/throttler's keeps the time of every single request.
 */
export class MemoryCounter {
  private readonly windows = new Map<string, Window>();

  constructor(private readonly knownMax = KNOWN_MAX) {}

  /** How many are known. */
  get size(): number {
    return this.windows.size;
  }

  hit(key: string): Consumption {
    const nowMs = performance.now();
    let window = this.windows.get(key);
    if (!window || window.endsAtMs <= nowMs) {
      // Deleted first, since a key that is set again keeps its old place.
      this.windows.delete(key);
      this.makeRoom(nowMs);
      window = { used: 0, endsAtMs: nowMs + WINDOW_MS };
      this.windows.set(key, window);
    }
    window.used += 1;
    return consumptionOf(window, nowMs);
  }

  /** Where it stands, without a hit. */
  peek(key: string): Consumption | null {
    const nowMs = performance.now();
    const window = this.windows.get(key);
    return window && window.endsAtMs > nowMs ? consumptionOf(window, nowMs) : null;
  }

  private makeRoom(nowMs: number): void {
    for (const [key, { endsAtMs }] of this.windows) {
      if (endsAtMs > nowMs && this.windows.size < this.knownMax) return;
      this.windows.delete(key);
    }
  }
}

function consumptionOf({ used, endsAtMs }: Window, nowMs: number): Consumption {
  return { used, resetSeconds: Math.ceil((endsAtMs - nowMs) / 1_000) };
}
