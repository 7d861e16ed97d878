import type { Target } from './bookings.js';

/** How long a load runs: what is answered after the warm-up counts; then it stops asking and waits for what is under way. */
export interface Window {
  warmUpMs: number;
  measureMs: number;
}

interface TimedLoad {
  window: Window;
  connections: number;
  targets: Target[];
  /** Starts every idempotency key of the load. */
  keyPrefix: string;
}

/** Closed loop over HTTP: each connection asks again as soon as it has its answer. */
export interface HttpLoad extends TimedLoad {
  kind: 'http';
  /** One per app process; the connections are shared out among them. */
  urls: string[];
  headers: Record<string, string>;
  /** What each connection does over and over; `repeat` sends the keys `<keyPrefix>-1` to `<keyPrefix>-<repeated>` again. */
  script: 'book' | 'hold-and-confirm' | 'availability' | 'repeat';
  repeated?: number;
  expected: number[];
}

/** Closed loop over raw connections of the database: a booking each. */
export interface SqlLoad extends TimedLoad {
  kind: 'textbook' | 'function';
  databaseUrl: string;
}

/** Open loop: bookings at a fixed rate, whether or not the earlier ones are answered. */
export interface SteadyLoad extends Omit<TimedLoad, 'connections'> {
  kind: 'steady';
  url: string;
  headers: Record<string, string>;
  perSecond: number;
}

/** Buyers look at the availability and book one ticket, every fourth with a hold that it confirms. Ends with the last buyer. */
export interface OnSaleLoad {
  kind: 'on-sale';
  url: string;
  headers: Record<string, string>;
  connections: number;
  target: Target;
  buyers: number;
  keyPrefix: string;
}

export type Load = HttpLoad | SqlLoad | SteadyLoad | OnSaleLoad;

export interface LoadResult {
  /** Length of the measured part. */
  seconds: number;
  /** Of each answer in the measured part. */
  latenciesMs: Float64Array;
  /** Answers of the whole load, by status, the warm-up included; for SQL `committed`. */
  answers: Record<string, number>;
  /** What should not have happened, with how often it did. */
  errors: Record<string, number>;
  /** CPU time of the load itself in the measured part. */
  cpuSeconds: number;
  buyers?: Buyer[];
}

/** What became of a buyer's booking; times count from the start of the sale. */
export interface Buyer {
  askedMs: number;
  answeredMs: number;
  /** The order's place in the sequence of the event; null when it was refused. */
  sequence: number | null;
}

/** What the process of a load says to its parent. */
export type LoadMessage =
  { type: 'window-open' | 'window-closed' } | { type: 'result'; result: LoadResult } | { type: 'failed'; message: string };
