import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ConnectionCircuit, DatabaseDownError } from '../../src/platform/database/connection-circuit.js';

const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
const noSlots = Object.assign(new Error('too many'), { code: '53300' });

/** A circuit whose probes end as told. */
function circuitWith(probe: () => Promise<void>) {
  const circuit = new ConnectionCircuit();
  const seen = { probes: 0, retired: 0, refused: [] as DatabaseDownError[] };
  circuit.guard({
    probe: () => {
      seen.probes += 1;
      return probe();
    },
    retireAll: () => (seen.retired += 1),
    refuseWaiting: (error) => seen.refused.push(error),
  });
  return { circuit, seen };
}

const opened = (error: Error, probe: () => Promise<void>) => {
  const made = circuitWith(probe);
  for (let count = 0; count < 3; count++) made.circuit.failed(error);
  return made;
};
const turns = () => new Promise((resolve) => setImmediate(resolve));

describe('the circuit before new connections', () => {
  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
  afterEach(() => jest.useRealTimers());

  it('opens after three failures in a row, not when one succeeds in between', () => {
    const { circuit } = circuitWith(() => Promise.resolve());
    for (let count = 0; count < 5; count++) {
      circuit.failed(refused);
      circuit.failed(refused);
      expect(circuit.isOpen).toBe(false);
      circuit.admit();
      circuit.succeeded();
    }
    for (let count = 0; count < 3; count++) circuit.failed(refused);
    expect(circuit.isOpen).toBe(true);
    expect(() => circuit.admit()).toThrow(DatabaseDownError);
    circuit.stop();
  });

  it('lets one probe at a time through, with growing delays, until one succeeds', async () => {
    const outcome = { isUp: false };
    const { circuit, seen } = opened(refused, () => (outcome.isUp ? Promise.resolve() : Promise.reject(refused)));
    const times: number[] = [];
    for (let ms = 0; ms < 10_000; ms += 10) {
      const before = seen.probes;
      jest.advanceTimersByTime(10);
      if (seen.probes > before) times.push(ms);
      await turns();
    }
    const delays = times.slice(1).map((time, index) => time - times[index]!);
    expect(Math.max(...delays)).toBeLessThanOrEqual(2_010);
    expect(Math.min(...delays.slice(-3))).toBeGreaterThanOrEqual(990);
    expect(seen.probes).toBeLessThanOrEqual(14);
    outcome.isUp = true;
    jest.advanceTimersByTime(2_000);
    await turns();
    expect(circuit.isOpen).toBe(false);
  });

  it('a probe that takes long is not followed by another, and requests are refused meanwhile', async () => {
    const { circuit, seen } = opened(refused, () => new Promise(() => {}));
    jest.advanceTimersByTime(60_000);
    await turns();
    expect(seen.probes).toBe(1);
    expect(() => circuit.admit()).toThrow(DatabaseDownError);
    circuit.stop();
  });

  it('refuses those who wait when it opens, unless the server only has no connection left', () => {
    const down = opened(refused, () => Promise.resolve());
    expect(down.seen.refused).toHaveLength(1);
    const full = opened(noSlots, () => Promise.resolve());
    expect(full.seen.refused).toEqual([]);
    expect([down, full].map(({ circuit }) => circuit.isOpenForWantOfSlots)).toEqual([false, true]);
    for (const { circuit } of [down, full]) circuit.stop();
  });

  it('a suspicion is probed at once, and opens it only when the probe fails', async () => {
    const well = circuitWith(() => Promise.resolve());
    well.circuit.suspect();
    await turns();
    expect([well.seen.probes, well.circuit.isOpen]).toEqual([1, false]);
    const down = circuitWith(() => Promise.reject(refused));
    down.circuit.suspect();
    await turns();
    expect([down.seen.probes, down.circuit.isOpen]).toEqual([1, true]);
    down.circuit.stop();
  });

  it('a read-only server retires the connections', () => {
    const { circuit, seen } = circuitWith(() => Promise.resolve());
    circuit.foundReadOnly();
    expect([seen.retired, seen.probes]).toEqual([1, 1]);
  });

  it('after a stop nothing is probed', async () => {
    const { circuit, seen } = opened(refused, () => Promise.reject(refused));
    circuit.stop();
    jest.advanceTimersByTime(60_000);
    await turns();
    expect(seen.probes).toBe(0);
  });
});
