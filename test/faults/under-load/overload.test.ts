import { setTimeout as sleep } from 'node:timers/promises';
import { residentMiB } from '../../bench/cpu.js';
import { percentile } from '../../bench/statistics.js';
import { TestDatabase } from '../../support/database.js';
import { eventOnSale } from '../../support/factories.js';
import { Load, type LoadOptions } from '../../support/load/load.js';
import { ALL_WELL, say, settle } from '../../support/load/report.js';
import { FAULT_TIMEOUT_MS, IS_LONG, Rig } from '../../support/load/rig.js';

const UNLOADED_MS = IS_LONG ? 10_000 : 2_500;
const OVERLOADED_MS = IS_LONG ? 60_000 : 5_000;
const RECOVERY_MS = 5_000;
/** So many that most are turned away: the lane takes a turn of them and a few that wait for the next. */
const CLIENTS = 30;
const LANE = { LANE_BATCH_MAX: '4', LANE_MAX_WAITING: '4' };
/** So that the garbage collector has no reason to let garbage lie; what is kept for good would end the process. */
const SMALL_HEAP = { NODE_OPTIONS: '--max-old-space-size=160' };
/** What the garbage collector may leave lying at one moment and not at another. */
const MEMORY_NOISE_MIB = 100;

/** By the answers 503; more clients would take the cores from the app, which they share with it. */
const OFFERED_TIMES = IS_LONG ? 2.5 : 1.05;
/** Of what is done for a few clients, at least this much is done for many. */
const SHARE_OF_RATE = 1 / 3;

interface Phase {
  load: Load;
  acceptedPerSecond: number;
  /** p99, as is the next. */
  acceptedMs: number;
  refusedMs: number;
  /** What was asked, for each call that was accepted. */
  offeredTimes: number;
  memoryMiB: number[];
}

/** Times and rates only in the long form, which has the machine to itself. */
function complaintsAbout(before: Phase, overload: Phase, recovered: Phase): string[] {
  const { memoryMiB } = overload;
  const rules: Array<[isRight: boolean, complaint: string]> = [
    [overload.offeredTimes >= OFFERED_TIMES, 'the clients have not asked for more than it can do'],
    [
      !IS_LONG || overload.acceptedPerSecond >= before.acceptedPerSecond * SHARE_OF_RATE,
      'much less is done than for a few clients',
    ],
    [memoryMiB.at(-1)! - memoryMiB[Math.floor(memoryMiB.length / 3)]! < MEMORY_NOISE_MIB, 'memory grows'],
    [recovered.load.failedAttempts === 0, `calls are refused ${RECOVERY_MS} ms later`],
    [!IS_LONG || overload.acceptedMs <= 2 * before.acceptedMs, 'p99 of what is accepted is over twice that of before'],
    [!IS_LONG || overload.refusedMs <= overload.acceptedMs, 'p99 of what is refused: not at once'],
    [!IS_LONG || recovered.acceptedMs <= 1.5 * before.acceptedMs, `p99 is over 1.5 times that of before ${RECOVERY_MS} ms later`],
  ];
  return rules.filter(([isRight]) => !isRight).map(([, complaint]) => complaint);
}

describe('an app is asked for far more than it can do', () => {
  let database: TestDatabase;
  let rig: Rig;

  beforeAll(async () => {
    database = await TestDatabase.create();
    rig = await Rig.start(database.url, 1, { ...LANE, ...SMALL_HEAP });
  });
  afterAll(async () => {
    await rig.end();
    await database.drop();
  });

  async function phase(name: string, options: LoadOptions, durationMs: number): Promise<Phase> {
    const memoryMiB: number[] = [];
    let acceptedPerSecond = 0;
    const load = await Load.during({ ...options, giveUpChance: 0 }, async (running) => {
      const beganAt = performance.now();
      while (performance.now() < beganAt + durationMs) {
        await sleep(500);
        memoryMiB.push(Math.round(residentMiB(rig.apps[0]!.child.pid!) ?? 0));
      }
      acceptedPerSecond = (running.acknowledged / (performance.now() - beganAt)) * 1_000;
    });
    const acceptedMs = load.recorder.successMs();
    const offeredTimes = 1 + load.unavailableMs.length / load.acknowledged;
    const times = (values: readonly number[]) =>
      [50, 99].map((percent) => Math.round(percentile(values, percent))) as [number, number];
    const [accepted, refused] = [times(acceptedMs), times(load.unavailableMs)];
    say(
      `${name}: asked ${offeredTimes.toFixed(1)} times what was accepted, which was ${acceptedPerSecond.toFixed(0)}/s; ` +
        `p50 and p99 of the accepted ${accepted[0]} and ${accepted[1]} ms` +
        `${load.unavailableMs.length > 0 ? `, of the refused ${refused[0]} and ${refused[1]} ms` : ''}; ` +
        `memory ${memoryMiB[0]} to ${memoryMiB.at(-1)} MiB`,
    );
    return { load, acceptedPerSecond, acceptedMs: accepted[1], refusedMs: refused[1], offeredTimes, memoryMiB };
  }

  it(
    'serves what it accepts about as fast as ever, refuses the rest at once with 503, loses nothing, keeps its memory, and is soon as before',
    async () => {
      const events = [await eventOnSale(rig.apps[0]!.api, [10_000_000])];
      const few = { apis: rig.apis, events, clients: 4, thinkMs: 20 };
      // The first requests of a process are slow, and would excuse slow ones later.
      const { load: warmUp } = await phase('4 clients, to warm up', few, UNLOADED_MS);
      const before = await phase('4 clients, before', few, UNLOADED_MS);
      const overload = await phase(`${CLIENTS} clients`, { ...few, clients: CLIENTS, thinkMs: 0 }, OVERLOADED_MS);
      await sleep(RECOVERY_MS);
      const recovered = await phase(`4 clients, ${RECOVERY_MS} ms later`, few, UNLOADED_MS);
      expect(complaintsAbout(before, overload, recovered)).toEqual([]);
      const others = [warmUp, before.load, recovered.load];
      expect(await settle('overload', overload.load, events, database, others)).toEqual(ALL_WELL);
    },
    FAULT_TIMEOUT_MS,
  );
});
