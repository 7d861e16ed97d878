import { Injectable } from '@nestjs/common';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** When a delivery is tried, and tried again. */
@Injectable()
export class DeliverySchedule {
  /** About three days in all. */
  retryDelaysMs: readonly number[] = [
    ...[5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE],
    ...[2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
  ];
  /** Part of a delay that is left to chance, so that what failed together does not come back together. */
  jitter = 0.2;
  timeoutMs = 10 * SECOND;
  retryAfterMaxMs = DAY;
  /** An endpoint that fails for so long, without a success, is disabled. */
  disableAfterMs = 5 * DAY;
  retentionMs = 7 * DAY;

  /**
   * @param attempt that failed, counted from 1
   * @param retryAfterMs what the endpoint asked for
   * @returns how long to wait; null: that was the last one
   */
  delayMs(attempt: number, retryAfterMs: number | null): number | null {
    const planned = this.retryDelaysMs[attempt - 1];
    if (planned === undefined) return null;
    const jittered = planned * (1 - this.jitter + 2 * this.jitter * Math.random());
    return Math.max(jittered, Math.min(retryAfterMs ?? 0, this.retryAfterMaxMs));
  }
}
