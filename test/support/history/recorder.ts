import type { Reply } from '../client.js';
import { answerOf, type Call, type Command } from './calls.js';

/** Writes down what was asked and what was answered, when, on one monotonic clock. */
export class Recorder {
  readonly calls: Call[] = [];
  private readonly beganAt = performance.now();
  private endedAt: number | null = null;

  /** The call is under way from now on. */
  begin(eventId: string, key: string, command: Command): Call {
    const now = performance.now();
    const times = { invokedAt: now, attemptedAt: now, completedAt: null };
    const call: Call = { eventId, key, command, ...times, hasOpenAttempts: false, answer: null };
    this.calls.push(call);
    return call;
  }

  /** An attempt had no answer. */
  leaveOpen(call: Call): void {
    call.hasOpenAttempts = true;
  }

  /** It is sent once more, with the same key. */
  retry(call: Call): void {
    call.attemptedAt = performance.now();
    // What an earlier attempt has read is gone with its answer.
    if (call.command.do === 'read') call.invokedAt = call.attemptedAt;
  }

  /** Its answer is there. A call that is never completed counts as one of unknown outcome. */
  complete(call: Call, reply: Reply): void {
    call.completedAt = performance.now();
    call.answer = answerOf(reply);
  }

  /** How long the last attempt of each success took, from this moment on; reads are no part of it. */
  successMs(since = 0): number[] {
    return this.calls.flatMap(({ command, attemptedAt, completedAt, answer }) =>
      command.do !== 'read' && attemptedAt >= since && completedAt !== null && answer && 'order' in answer
        ? completedAt - attemptedAt
        : [],
    );
  }

  /** The load is over; what is answered later was under way. */
  end(): void {
    this.endedAt ??= performance.now();
  }

  /** The longest time in milliseconds without a booking, over all clients, from the beginning to the end; what a caller would call the outage. */
  longestGapMs(): number {
    const endedAt = this.endedAt ?? performance.now();
    const times = this.calls.flatMap(({ command, completedAt, answer }) =>
      command.do === 'book' && completedAt !== null && completedAt < endedAt && answer && 'order' in answer ? completedAt : [],
    );
    let [longest, last] = [0, this.beganAt];
    for (const time of [...times, endedAt].toSorted((a, b) => a - b)) {
      longest = Math.max(longest, time - last);
      last = time;
    }
    return longest;
  }
}
