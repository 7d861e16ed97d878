import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plotOf } from './plot.js';
import { markdownOf, type Report } from './report.js';

/** Writes the results into the folder, which is made if there is none. */
export function writeResults(folder: string, report: Report): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), `${text}\n`);
  write('results.json', JSON.stringify(report, null, 2));
  write('results.md', markdownOf(report));
  write('results.svg', plotOf(report));
}
