import { median } from '../bench/statistics.js';
import type { Sample } from './samples.js';

type Measure = Exclude<keyof Sample, 'minutes'>;

/** How much larger a measure may be in the end than after the warm-up: that many times, and that much more. */
const TOLERANCE: Record<Measure, { times: number; more: number; title: string }> = {
  residentMiB: { times: 1.1, more: 30, title: 'memory, MiB' },
  // Clients open more connections when the machine is slow.
  fileDescriptors: { times: 1, more: 12, title: 'file descriptors' },
  connections: { times: 1, more: 5, title: 'connections' },
  // Vacuum comes once a minute, so this goes up and down.
  hotDeadRows: { times: 2, more: 500, title: 'dead hot rows' },
  hotKiB: { times: 1.5, more: 256, title: 'hot tables, KiB' },
  bytesPerOrder: { times: 1.1, more: 100, title: 'bytes per order' },
};

export const MEASURES = Object.keys(TOLERANCE) as Measure[];

export interface Growth {
  measure: Measure;
  title: string;
  /** Medians of the sixth of the samples after the warm-up, which is the first third, and of the last sixth. */
  early: number;
  late: number;
  isTooLarge: boolean;
}

/** Two for each sixth. */
const SAMPLES_MIN = 12;

export function growthOf(samples: readonly Sample[]): Growth[] {
  const sixth = Math.floor(samples.length / 6);
  return MEASURES.map((measure) => {
    const values = samples.map((sample) => sample[measure]);
    const { times, more, title } = TOLERANCE[measure];
    const early = median(values.slice(2 * sixth, 3 * sixth));
    const late = median(values.slice(-sixth));
    return { measure, title, early, late, isTooLarge: late > early * times + more };
  });
}

/** Prints how the measures have changed. @returns whether they have stayed flat; not when the samples are too few to say so */
export function judge(samples: readonly Sample[], print: (line: string) => void): boolean {
  if (samples.length < SAMPLES_MIN) {
    print(`${samples.length} samples say nothing of growth: it takes ${SAMPLES_MIN}`);
    return false;
  }
  const growth = growthOf(samples);
  for (const { title, early, late, isTooLarge } of growth)
    print(`${title}: ${early.toFixed(1)} after the warm-up, ${late.toFixed(1)} in the end${isTooLarge ? ': IT GROWS' : ''}`);
  return growth.every(({ isTooLarge }) => !isTooLarge);
}

const WIDTH = 18;

export function headline(): string {
  return ['minute', ...MEASURES.map((measure) => TOLERANCE[measure].title)].map((title) => title.padStart(WIDTH)).join('');
}

export function lineOf(sample: Sample): string {
  const cells = [sample.minutes.toFixed(1), ...MEASURES.map((measure) => String(Math.round(sample[measure])))];
  return cells.map((cell) => cell.padStart(WIDTH)).join('');
}
