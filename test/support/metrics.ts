import type { TestApp } from './app.js';
import { READ_TIMEOUT_MS } from '../../src/platform/observability/metrics.js';
import { ADMIN } from './api-keys.js';

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** What a scrape of the app tells. */
export class Scrape {
  private constructor(
    readonly samples: readonly Sample[],
    /** By the name of the metric: without `_bucket`, `_sum` and `_count`. */
    readonly types: ReadonlyMap<string, string>,
  ) {}

  /** Asks again when the database was slow, as its figures may then be left out. */
  static async of({ url }: Pick<TestApp, 'url'>, token = ADMIN.key): Promise<Scrape> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const beganAt = performance.now();
      const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${response.status} ${text}`);
      if (performance.now() - beganAt < READ_TIMEOUT_MS - 10) return Scrape.parse(text);
    }
    throw new Error('The database was too slow for a complete scrape');
  }

  private static parse(text: string): Scrape {
    const lines = text.split('\n');
    const types = lines.map((line) => /^# TYPE (\w+) (\w+)$/.exec(line)).filter((match) => match !== null);
    const samples = lines.filter((line) => line !== '' && !line.startsWith('#')).map(parse);
    return new Scrape(samples, new Map(types.map(([, name, type]) => [name!, type!])));
  }

  /** The sum of the samples that have these labels; undefined when there is none. */
  value(name: string, labels: Record<string, string> = {}): number | undefined {
    const wanted = Object.entries(labels);
    const found = this.samples.filter((one) => one.name === name && wanted.every(([label, is]) => one.labels[label] === is));
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }

  get names(): Set<string> {
    return new Set(this.samples.map(({ name }) => name));
  }
}

function parse(line: string): Sample {
  const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (!match) throw new Error(`Not a sample: ${line}`);
  const labels = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name!, value!]);
  return { name: match[1]!, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(match[3]) };
}
