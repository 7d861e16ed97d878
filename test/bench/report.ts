import type { Machine } from './machine.js';
import type { MemoryResult } from './memory.js';
import { errorCount, FLOORS, type Measurement, type ScenarioResult } from './results.js';
import type { SeriesResult } from './series.js';

export interface Report {
  started: string;
  machine: Machine;
  /** Settings of Holdfast that differ from the defaults. */
  settings: Record<string, string>;
  seconds: number;
  rounds: number;
  scenarios: ScenarioResult[];
  series: SeriesResult[];
  memory: MemoryResult | null;
}

/** The whole report, for people. */
export function markdownOf(report: Report): string {
  const { machine, scenarios, series, memory } = report;
  const settings = Object.entries(report.settings).map(([name, value]) => `${name}=${value}`);
  return [
    '# Holdfast benchmark',
    `${report.started}; ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}; Node.js ${machine.node}, PostgreSQL ${machine.postgres}; ` +
      `${report.rounds} rounds of ${report.seconds} s each, medians; settings: ${settings.join(' ') || 'defaults'}.`,
    ...(scenarios.length > 0 ? [scenarioTable(scenarios), floorTable(scenarios)] : []),
    ...series.map(seriesTable),
    ...(memory ? [memoryText(memory)] : []),
    ...remarks(report),
  ].join('\n\n');
}

function scenarioTable(scenarios: readonly ScenarioResult[]): string {
  const head = ['scenario', 'what', ...FIGURES, ...FLOORS.map((floor) => `× ${floor}`)];
  const rows = scenarios.map(({ name, title, app, ratios }) => [
    name,
    title,
    ...figures(app),
    ...FLOORS.map((floor) => (ratios[floor] === undefined ? '' : ratios[floor].toFixed(2))),
  ]);
  return `## The app\n\n${table(head, rows)}`;
}

function floorTable(scenarios: readonly ScenarioResult[]): string {
  const rows = scenarios.flatMap(({ name, floors }) =>
    FLOORS.flatMap((floor) => (floors[floor] ? [[name, floor, ...figures(floors[floor])]] : [])),
  );
  return `## The floors\n\n${table(['scenario', 'floor', ...FIGURES], rows)}`;
}

const FIGURES = ['per second', 'p50 ms', 'p95 ms', 'p99 ms', 'errors', 'CPU server', 'CPU database', 'CPU load'];

function figures(measurement: Measurement): string[] {
  const { perSecond, p50, p95, p99, appCpu, databaseCpu, loadCpu } = measurement;
  return [
    Math.round(perSecond).toLocaleString('en'),
    ...[p50, p95, p99].map((milliseconds) => milliseconds.toFixed(1)),
    String(errorCount(measurement)),
    ...[appCpu, databaseCpu, loadCpu].map((cpu) => (cpu === null ? '–' : cpu.toFixed(2))),
  ];
}

function seriesTable({ name, title, axis, points }: SeriesResult): string {
  const rows = points.map(({ x, app, ratio }) => [x.toLocaleString('en'), ...figures(app), ratio.toFixed(2)]);
  return `## Series ${name}: ${title}\n\n${table([axis, ...FIGURES, '× first'], rows)}`;
}

function memoryText({ title, app, samplesMiB, earlyMiB, lateMiB, largestMiB }: MemoryResult): string {
  const load = `${Math.round(app.perSecond).toLocaleString('en')} a second, p99 ${app.p99.toFixed(1)} ms, ${errorCount(app)} errors`;
  const [early, late, largest] = [earlyMiB, lateMiB, largestMiB].map((size) => `${size.toFixed(0)} MiB`);
  const size = samplesMiB.length === 0 ? 'not known here' : `${early} after the warm-up, ${late} at the end, ${largest} at most`;
  return `## Memory: ${title}\n\n${load}. Resident memory of the app: ${size}.`;
}

function remarks({ scenarios, series, memory }: Report): string[] {
  const notes = scenarios.flatMap(({ name, notes: lines }) => lines.map((line) => `- ${name}: ${line}`));
  const all = [...scenarios, ...series, ...(memory ? [{ name: 'memory', ...memory }] : [])];
  const complaints = all.flatMap(({ name, complaints: lines }) => lines.map((line) => `- ${name}: ${line}`));
  return [
    ...(notes.length > 0 ? [`## Notes\n\n${notes.join('\n')}`] : []),
    complaints.length > 0
      ? `## Checks that failed\n\n${complaints.join('\n')}`
      : 'After each part the invariants held, and what was acknowledged was in the tables.',
  ];
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
