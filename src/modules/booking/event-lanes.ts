import type { Environment } from '../../platform/config/environment.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { OVERLOADED, shuttingDown } from '../../platform/errors/platform.errors.js';

export type LaneLimits = Pick<
  Environment,
  'LANES_RUNNING_MAX' | 'LANE_BATCH_MAX' | 'LANE_MAX_WAITING' | 'LANE_MAX_WAIT_MS' | 'DATABASE_POOL_MAX'
>;

/** How much the last turn counts in the average that the expected wait is judged by. */
const WEIGHT_OF_LAST_TURN = 0.2;

/** How many turns make an average: the first ones of a process are slow, and would turn away what could well wait. */
const TURNS_TO_LEARN = 5;

/** Watches the lanes; changes nothing. */
export interface LaneObserver {
  /** A command waits from now on. @returns its ticket for {@link turn} */
  join(): unknown;
  /** Runs the turn of the commands with these tickets. */
  turn(tickets: readonly unknown[], run: () => Promise<void>): Promise<void>;
}

interface Waiting<Command, Outcome> {
  readonly command: Command;
  readonly ticket: unknown;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

interface Lane<Command, Outcome> {
  readonly eventId: string;
  readonly waiting: Array<Waiting<Command, Outcome>>;
  state: 'idle' | 'ready' | 'running';
  turns: number;
  averageTurnMs: number;
}

/**
 * One queue of commands per event. Whatever waits for the same event shares the next transaction, in the order of arrival, so
 * that a hot event is not bounded by one commit per booking, and never has more than one connection of this process.
 * Lanes take turns (round robin), a bounded number at once. With one waiting command it is a turn of one: there is no other path.
 * Nothing here is needed for correctness, which rests on the lock of the event row: see docs/decisions/lanes.md.
 */
export class EventLanes<Command, Outcome> {
  private readonly lanes = new Map<string, Lane<Command, Outcome>>();
  private readonly ready: Array<Lane<Command, Outcome>> = [];
  private readonly runningMax: number;
  private running = 0;
  private closed = false;
  private idle: () => void = () => {};

  /** @param runTurn runs the commands in one transaction; all of them fail when it rejects */
  constructor(
    private readonly limits: LaneLimits,
    private readonly runTurn: (eventId: string, commands: readonly Command[]) => Promise<Outcome[]>,
    private readonly observer: LaneObserver = { join: () => undefined, turn: (_, run) => run() },
  ) {
    // One connection stays for what is not in a lane, if there is more than one.
    this.runningMax = Math.max(1, Math.min(limits.LANES_RUNNING_MAX, limits.DATABASE_POOL_MAX - 1));
  }

  /**
   * @param gone when it is aborted before the command's turn, the command leaves the queue and nothing happens
   * @throws DomainError `overloaded` at once, when the lane is as long as it may be, or the wait would be too long
   */
  submit(eventId: string, command: Command, gone?: AbortSignal): Promise<Outcome> {
    const lane = this.lanes.get(eventId) ?? { eventId, waiting: [], state: 'idle', turns: 0, averageTurnMs: 0 };
    this.admit(lane);
    this.lanes.set(eventId, lane);
    return new Promise((resolve, reject) => {
      const waiting = { command, ticket: this.observer.join(), resolve, reject };
      lane.waiting.push(waiting);
      gone?.addEventListener('abort', () => this.leave(lane, waiting), { once: true });
      if (lane.state === 'idle') this.makeReady(lane);
      this.startTurns();
    });
  }

  /** How much waits now: in all lanes, and in the longest. */
  get load(): { running: number; waiting: number; longest: number } {
    let [waiting, longest] = [0, 0];
    for (const lane of this.lanes.values()) {
      waiting += lane.waiting.length;
      longest = Math.max(longest, lane.waiting.length);
    }
    return { running: this.running, waiting, longest };
  }

  /** Takes no more commands, answers those that wait with `overloaded`, and waits for the turns that run. */
  async close(): Promise<void> {
    this.closed = true;
    for (const lane of this.lanes.values()) for (const { reject } of lane.waiting.splice(0)) reject(shuttingDown());
    this.ready.length = 0;
    if (this.running > 0) await new Promise<void>((resolve) => (this.idle = resolve));
  }

  private admit(lane: Lane<Command, Outcome>): void {
    if (this.closed) throw shuttingDown();
    const turns = Math.ceil((lane.waiting.length + 1) / this.limits.LANE_BATCH_MAX);
    const expectedWaitMs = lane.turns < TURNS_TO_LEARN ? 0 : turns * lane.averageTurnMs;
    if (lane.waiting.length < this.limits.LANE_MAX_WAITING && expectedWaitMs <= this.limits.LANE_MAX_WAIT_MS) return;
    const detail = 'Too many requests wait for this event. Nothing was changed; repeat the request, with the same key.';
    throw new DomainError(OVERLOADED, detail, {}, { retryAfterSeconds: expectedWaitMs / 1000 });
  }

  private leave(lane: Lane<Command, Outcome>, waiting: Waiting<Command, Outcome>): void {
    const place = lane.waiting.indexOf(waiting);
    if (place < 0) return;
    lane.waiting.splice(place, 1);
    waiting.reject(new DomainError(OVERLOADED, 'The client went away before its turn. Nothing was changed.'));
  }

  private makeReady(lane: Lane<Command, Outcome>): void {
    lane.state = 'ready';
    this.ready.push(lane);
  }

  private startTurns(): void {
    while (this.running < this.runningMax && this.ready.length > 0) void this.takeTurn(this.ready.shift()!);
  }

  private async takeTurn(lane: Lane<Command, Outcome>): Promise<void> {
    const batch = lane.waiting.splice(0, this.limits.LANE_BATCH_MAX);
    if (batch.length > 0) {
      lane.state = 'running';
      this.running += 1;
      const startedAt = performance.now();
      await this.observer.turn(
        batch.map(({ ticket }) => ticket),
        () => this.run(lane.eventId, batch),
      );
      const turnMs = performance.now() - startedAt;
      lane.turns += 1;
      lane.averageTurnMs += (turnMs - lane.averageTurnMs) * Math.max(WEIGHT_OF_LAST_TURN, 1 / lane.turns);
      this.running -= 1;
    }
    lane.state = 'idle';
    if (lane.waiting.length > 0) this.makeReady(lane);
    else this.lanes.delete(lane.eventId);
    if (this.closed && this.running === 0) this.idle();
    this.startTurns();
  }

  /** Never rejects. A transaction that failed as a whole is run again command by command, so that only the guilty one fails. */
  private async run(eventId: string, batch: ReadonlyArray<Waiting<Command, Outcome>>): Promise<void> {
    try {
      const outcomes = await this.runTurn(
        eventId,
        batch.map(({ command }) => command),
      );
      for (const [place, { resolve }] of batch.entries()) resolve(outcomes[place]!);
    } catch (error) {
      // What a DomainError says (the database is away) is true of each of them.
      if (batch.length === 1 || error instanceof DomainError) for (const { reject } of batch) reject(error);
      else for (const waiting of batch) await this.run(eventId, [waiting]);
    }
  }
}
