import { growthOf, judge, MEASURES } from '../soak/growth.js';
import type { Sample } from '../soak/samples.js';

/** Sixty samples; `of` says what differs from a flat one at this share of the time. */
function samples(of: (share: number) => Partial<Sample>): Sample[] {
  const flat = { residentMiB: 300, fileDescriptors: 90, connections: 16, hotDeadRows: 100, hotKiB: 120, bytesPerOrder: 3_500 };
  return Array.from({ length: 60 }, (_, index) => ({ minutes: index, ...flat, ...of(index / 60) }));
}

const tooLarge = (list: readonly Sample[]) => growthOf(list).flatMap(({ measure, isTooLarge }) => (isTooLarge ? measure : []));

describe('what a soak takes for growth', () => {
  it('is nothing that happens in the first third, which is the warm-up', () => {
    const warm = (share: number) => Math.min(1, share * 3);
    expect(tooLarge(samples((share) => ({ residentMiB: 300 * warm(share), connections: 16 * warm(share) })))).toEqual([]);
  });

  it('is nothing that goes up and down', () => {
    expect(tooLarge(samples((share) => ({ hotDeadRows: 1_000 + 900 * Math.sin(share * 50) })))).toEqual([]);
  });

  it.each(MEASURES)('is %s that goes on growing', (measure) => {
    expect(tooLarge(samples((share) => ({ [measure]: 100_000 * share })))).toEqual([measure]);
  });

  it.each<[keyof Sample, (share: number) => number]>([
    ['hotDeadRows', (later) => 100 + 2_000 * later],
    ['hotKiB', (later) => 120 + 1_000 * later],
    ['residentMiB', (later) => 300 + 200 * later],
    ['fileDescriptors', (later) => 90 + 40 * later],
  ])('is %s that begins to grow half-way', (measure, of) => {
    expect(tooLarge(samples((share) => ({ [measure]: of(Math.max(0, share - 0.5)) })))).toEqual([measure]);
  });

  it('cannot be told by a few samples, which is a failure', () => {
    const judged = (count: number) => judge(samples(() => ({})).slice(0, count), () => {});
    expect([0, 2, 11, 12, 60].map(judged)).toEqual([false, false, false, true, true]);
  });

  it('is a file descriptor or a connection that leaks each minute', () => {
    const leaking = samples((share) => ({ fileDescriptors: 90 + 60 * share, connections: 16 + 60 * share }));
    expect(tooLarge(leaking)).toEqual(['fileDescriptors', 'connections']);
  });
});
