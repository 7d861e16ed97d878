import { FLOORS, type ScenarioResult } from './results.js';

const COLOURS = { app: '#1b6ca8', textbook: '#b8b8b8', function: '#8a8a8a', trivial: '#e0b040' };
const CONTESTANTS = ['app', ...FLOORS] as const;
const LABEL_WIDTH = 130;
const BAR_WIDTH = 560;
const VALUE_WIDTH = 70;
const BAR_HEIGHT = 12;
const GROUP_GAP = 12;
const TOP = 48;

/** Throughput of the app and its floors, a group of bars for each scenario, as SVG. */
export function plotThroughput(scenarios: readonly ScenarioResult[]): string {
  const groups = scenarios.map(({ name, app, floors }) => {
    const measurements = { app, ...floors };
    const bars = CONTESTANTS.flatMap((who) => (measurements[who] ? [{ who, perSecond: measurements[who].perSecond }] : []));
    return { name, bars };
  });
  const largest = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ perSecond }) => perSecond)));
  const parts: string[] = [];
  let y = TOP;
  for (const { name, bars } of groups) {
    parts.push(text(LABEL_WIDTH - 8, y + (bars.length * BAR_HEIGHT) / 2 + 4, name, 'end'));
    for (const { who, perSecond } of bars) {
      const width = Math.max(1, (perSecond / largest) * BAR_WIDTH);
      parts.push(
        `<rect x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT - 2}" fill="${COLOURS[who]}"/>`,
        text(LABEL_WIDTH + width + 4, y + BAR_HEIGHT - 3, rounded(perSecond), 'start', 10),
      );
      y += BAR_HEIGHT;
    }
    y += GROUP_GAP;
  }
  const legend = CONTESTANTS.map((who, index) => {
    const x = LABEL_WIDTH + index * 110;
    return `<rect x="${x}" y="28" width="10" height="10" fill="${COLOURS[who]}"/>${text(x + 14, 37, who, 'start')}`;
  });
  return svg(LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH, y, [
    text(LABEL_WIDTH, 18, 'Answers per second', 'start', 14),
    ...legend,
    ...parts,
  ]);
}

const PLOT = { left: 70, right: 40, top: 40, bottom: 50, width: 640, height: 320 };
/** More points than this are not each given a mark and a number. */
const MARKED_MAX = 20;

/** One line of positive values over `x`, which begins at 0, as SVG. A logarithmic scale has equal steps for equal factors. */
export function plotLines(plot: {
  title: string;
  axis: string;
  scale: 'linear' | 'logarithmic';
  points: ReadonlyArray<{ x: number; y: number }>;
}): string {
  const { title, axis, scale, points } = plot;
  const { left, right, top, bottom, width, height } = PLOT;
  // 0 has no logarithm: it stands one step before 1.
  const place = (x: number) => (scale === 'linear' ? x : Math.log10(Math.max(x, 0.1)));
  const places = points.map(({ x }) => place(x));
  const [first, last] = [Math.min(...places), Math.max(...places)];
  const largest = Math.max(1, ...points.map(({ y }) => y));
  const xOf = (x: number) => left + ((place(x) - first) / (last - first || 1)) * (width - left - right);
  const yOf = (y: number) => height - bottom - (y / largest) * (height - top - bottom);
  const line = points.map(({ x, y }) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(' ');
  const marked = points.length <= MARKED_MAX ? points : [points[0]!, points.at(-1)!];
  const marks = marked.flatMap(({ x, y }) => [
    `<circle cx="${xOf(x).toFixed(1)}" cy="${yOf(y).toFixed(1)}" r="3" fill="${COLOURS.app}"/>`,
    text(xOf(x), yOf(y) - 8, rounded(y), 'middle', 10),
    text(xOf(x), height - bottom + 16, rounded(x), 'middle', 10),
  ]);
  return svg(width, height, [
    text(left, 18, title, 'start', 14),
    `<path d="M${left} ${top}V${height - bottom}H${width - right}" fill="none" stroke="#888"/>`,
    text(left - 6, yOf(0) + 4, '0', 'end', 10),
    text(left - 6, yOf(largest) + 4, rounded(largest), 'end', 10),
    `<polyline points="${line}" fill="none" stroke="${COLOURS.app}" stroke-width="2"/>`,
    ...marks,
    text((left + width - right) / 2, height - 12, axis, 'middle'),
  ]);
}

function svg(width: number, height: number, content: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...content,
    '</svg>',
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', size = 12): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" text-anchor="${anchor}" fill="#222">${content}</text>`;
}

function rounded(value: number): string {
  return Math.round(value).toLocaleString('en');
}
