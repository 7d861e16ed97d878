import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './arguments.js';
import { plotLines, plotThroughput } from './plot.js';
import { markdownOf, type Report } from './report.js';

/**
 * Makes the folder before anything is measured, so that a wrong one costs nobody a quarter of an hour.
 * @throws UsageError when it cannot be made or written to
 */
export function prepareOutput(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--output ${folder}: ${(error as Error).message}`);
  }
}

/** Writes the results into the folder. @returns the names of the files */
export function writeResults(folder: string, report: Report): string[] {
  const { scenarios, series, memory } = report;
  const files: Record<string, string> = { 'results.json': JSON.stringify(report, null, 2), 'results.md': markdownOf(report) };
  if (scenarios.length > 0) files['throughput.svg'] = plotThroughput(scenarios);
  for (const { name, title, axis, points } of series) {
    files[`series-${name}.svg`] = plotLines({
      title: `${title}: answers per second`,
      axis,
      scale: name.startsWith('processes') ? 'linear' : 'logarithmic',
      points: points.map(({ x, app }) => ({ x, y: app.perSecond })),
    });
  }
  if (memory && memory.samplesMiB.length > 0) {
    const points = memory.samplesMiB.map((size, index) => ({ x: index + 1, y: size }));
    files['memory.svg'] = plotLines({ title: `${memory.title}: MiB of the app`, axis: 'seconds', scale: 'linear', points });
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), `${text}\n`);
  return Object.keys(files);
}
