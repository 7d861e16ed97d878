import { setTimeout as sleep } from 'node:timers/promises';
import { EventLanes, type LaneLimits } from '../../src/modules/booking/event-lanes.js';
import { DomainError } from '../../src/platform/errors/domain-error.js';
import { DATABASE_UNAVAILABLE } from '../../src/platform/errors/platform.errors.js';

const LIMITS: LaneLimits = {
  LANES_RUNNING_MAX: 2,
  LANE_BATCH_MAX: 4,
  LANE_MAX_WAITING: 10,
  LANE_MAX_WAIT_MS: 60_000,
  DATABASE_POOL_MAX: 10,
};

/** Lanes whose turns last until they are let go. */
function lanesWith(limits: Partial<LaneLimits> = {}, poison?: string) {
  const turns: Array<{ eventId: string; commands: readonly string[]; finish: () => void }> = [];
  const turnsNow = { running: 0, most: 0 };
  const lanes = new EventLanes<string, string>({ ...LIMITS, ...limits }, async (eventId, commands) => {
    turnsNow.running += 1;
    turnsNow.most = Math.max(turnsNow.most, turnsNow.running);
    await new Promise<void>((finish) => turns.push({ eventId, commands, finish }));
    turnsNow.running -= 1;
    if (poison !== undefined && commands.includes(poison)) throw new Error('poisoned');
    return commands.map((command) => `done ${command}`);
  });
  return {
    lanes,
    turns,
    mostRunning: () => turnsNow.most,
    /** Lets turns go, as they come, until there is none. */
    async drain() {
      for (let next = 0; next < turns.length || turnsNow.running > 0;) {
        if (next < turns.length) turns[next++]!.finish();
        await sleep(0);
      }
    },
  };
}

const submit = (lanes: EventLanes<string, string>, eventId: string, commands: string[]) =>
  commands.map((command) => lanes.submit(eventId, command));

describe('the lanes of events', () => {
  it('run what waits for the same event in one turn, in the order of arrival, at most as many as a turn takes', async () => {
    const { lanes, turns, drain } = lanesWith();
    const answers = submit(lanes, 'e', ['1', '2', '3', '4', '5', '6', '7']);
    await drain();
    expect(turns.map(({ commands }) => commands)).toEqual([['1'], ['2', '3', '4', '5'], ['6', '7']]);
    expect(await Promise.all(answers)).toEqual(['1', '2', '3', '4', '5', '6', '7'].map((command) => `done ${command}`));
  });

  it('run one turn of an event at a time, and a bounded number of events at once', async () => {
    const { lanes, turns, mostRunning, drain } = lanesWith();
    const answers = ['a', 'b', 'c', 'd'].flatMap((eventId) => submit(lanes, eventId, ['1', '2', '3']));
    await drain();
    await Promise.all(answers);
    expect(mostRunning()).toBe(2);
    expect(turns).toHaveLength(6);
  });

  it('take turns: a hot event does not keep the others waiting', async () => {
    const { lanes, turns, drain } = lanesWith({ LANES_RUNNING_MAX: 1 });
    const hot = submit(lanes, 'hot', ['1', '2', '3', '4', '5', '6', '7', '8', '9']);
    const others = [lanes.submit('x', '1'), lanes.submit('y', '1')];
    await drain();
    await Promise.all([...hot, ...others]);
    expect(turns.map(({ eventId }) => eventId)).toEqual(['hot', 'x', 'y', 'hot', 'hot']);
  });

  it('leave a connection to the rest of the app, but where there is only one', () => {
    const most = (pool: number) => {
      const { lanes, turns } = lanesWith({ LANES_RUNNING_MAX: 9, DATABASE_POOL_MAX: pool });
      for (const eventId of ['a', 'b', 'c', 'd', 'e']) void lanes.submit(eventId, '1');
      return turns.length;
    };
    expect([most(1), most(2), most(3), most(20)]).toEqual([1, 1, 2, 5]);
  });

  it('run a turn that failed as a whole again one by one, so that only the guilty command fails', async () => {
    const { lanes, turns, drain } = lanesWith({}, 'bad');
    const answers = submit(lanes, 'e', ['first', 'a', 'bad', 'b']);
    const settled = Promise.allSettled(answers);
    await drain();
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(turns.map(({ commands }) => commands)).toEqual([['first'], ['a', 'bad', 'b'], ['a'], ['bad'], ['b']]);
  });

  it('tell everyone of a turn when the database is away, without trying one by one', async () => {
    let turns = 0;
    const lanes = new EventLanes<string, string>(LIMITS, async () => {
      turns += 1;
      await sleep(0);
      throw new DomainError(DATABASE_UNAVAILABLE, 'away');
    });
    const settled = await Promise.allSettled(submit(lanes, 'e', ['1', '2', '3']));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(turns).toBe(2);
  });

  it('refuse at once when too many wait', async () => {
    const { lanes, drain } = lanesWith();
    const accepted = submit(
      lanes,
      'e',
      Array.from({ length: 11 }, (_, index) => `${index}`),
    );
    expect(() => lanes.submit('e', 'one too many')).toThrow(expect.objectContaining({ code: 'overloaded' }));
    const other = lanes.submit('other', '1');
    await drain();
    expect(await Promise.all([...accepted, other])).toHaveLength(12);
  });

  it('refuse at once when the wait would be too long, and say when to come back', async () => {
    const { lanes, turns, drain } = lanesWith({ LANE_BATCH_MAX: 1, LANE_MAX_WAIT_MS: 100 });
    const accepted = submit(lanes, 'e', ['1', '2', '3', '4', '5', '6', '7', '8']);
    for (let turn = 0; turn < 5; turn++) {
      await sleep(60);
      // The first turns of a process are slow: nobody is turned away for them.
      if (turn === 1) accepted.push(lanes.submit('e', '9'));
      turns[turn]!.finish();
      await accepted[turn];
      await sleep(0);
    }
    // The turns took 60 ms and more each and four wait, so whoever comes now would wait longer than may be.
    expect(() => lanes.submit('e', '10')).toThrow(
      expect.objectContaining({ code: 'overloaded', retryAfterSeconds: expect.any(Number) }),
    );
    await drain();
    await Promise.all(accepted);
  });

  it('drop a command whose client has gone away before its turn, and not one whose turn has begun', async () => {
    const { lanes, turns, drain } = lanesWith();
    const gone = new AbortController();
    const running = lanes.submit('e', 'running', gone.signal);
    const waiting = lanes.submit('e', 'waiting', gone.signal);
    const staying = lanes.submit('e', 'staying');
    const settled = Promise.allSettled([running, waiting, staying]);
    gone.abort();
    await drain();
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(turns.flatMap(({ commands }) => commands)).toEqual(['running', 'staying']);
  });

  it('finish what runs when they close, and refuse what waits and what comes', async () => {
    const { lanes, turns, drain } = lanesWith();
    const settled = Promise.allSettled(submit(lanes, 'e', ['running', 'waiting']));
    const closed = lanes.close();
    expect(() => lanes.submit('e', 'late')).toThrow(expect.objectContaining({ code: 'overloaded' }));
    await drain();
    await closed;
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(turns).toHaveLength(1);
  });
});
