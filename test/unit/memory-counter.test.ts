import { jest } from '@jest/globals';
import { MemoryCounter } from '../../src/platform/rate-limits/memory-counter.js';

const SECOND_MS = 1_000;

describe('the counter in memory', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('counts each key in the minute that begins with its first hit, and then anew', () => {
    const counter = new MemoryCounter();
    expect(counter.hit('a')).toEqual({ used: 1, resetSeconds: 60 });
    jest.advanceTimersByTime(59.5 * SECOND_MS);
    expect(counter.hit('a')).toEqual({ used: 2, resetSeconds: 1 });
    expect(counter.hit('b')).toEqual({ used: 1, resetSeconds: 60 });
    jest.advanceTimersByTime(0.5 * SECOND_MS);
    expect(counter.peek('a')).toBeNull();
    expect(counter.hit('a')).toEqual({ used: 1, resetSeconds: 60 });
    expect(counter.peek('b')).toEqual({ used: 1, resetSeconds: 60 });
  });

  it('does not count who only looks', () => {
    const counter = new MemoryCounter();
    expect(counter.peek('a')).toBeNull();
    counter.hit('a');
    expect([counter.peek('a'), counter.peek('a')]).toEqual(Array.from({ length: 2 }, () => ({ used: 1, resetSeconds: 60 })));
  });

  it('has a bound: beyond it the windows are given up that end first', () => {
    const counter = new MemoryCounter(3);
    for (const key of ['a', 'b', 'a', 'c', 'd', 'e']) counter.hit(key);
    expect(counter.size).toBe(3);
    expect(['a', 'b', 'c', 'd', 'e'].filter((key) => counter.peek(key))).toEqual(['c', 'd', 'e']);
  });

  it('forgets what has ended when somebody new comes, and a key that began anew is not taken for an old one', () => {
    const counter = new MemoryCounter(3);
    for (const key of ['a', 'b', 'c']) counter.hit(key);
    jest.advanceTimersByTime(60 * SECOND_MS);
    counter.hit('a');
    expect(counter.size).toBe(1);
    for (const key of ['b', 'c', 'd']) counter.hit(key);
    expect(counter.peek('a')).toBeNull();
    expect(counter.peek('d')).not.toBeNull();
  });
});
