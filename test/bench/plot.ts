import type { Report } from './report.js';
import { FLOORS } from './results.js';

const COLOURS = { app: '#1b6ca8', textbook: '#b8b8b8', function: '#8a8a8a', trivial: '#e0b040' };
const CONTESTANTS = ['app', ...FLOORS] as const;
const LABEL_WIDTH = 130;
const BAR_WIDTH = 560;
const VALUE_WIDTH = 110;
const BAR_HEIGHT = 12;
const GROUP_GAP = 12;
const TOP = 48;

/** Throughput of the app and its floors, a group of bars for each scenario, as SVG. */
export function plotOf({ scenarios }: Report): string {
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
        text(LABEL_WIDTH + width + 4, y + BAR_HEIGHT - 3, Math.round(perSecond).toLocaleString('en'), 'start', 10),
      );
      y += BAR_HEIGHT;
    }
    y += GROUP_GAP;
  }
  const legend = CONTESTANTS.map((who, index) => {
    const x = LABEL_WIDTH + index * 110;
    return `<rect x="${x}" y="28" width="10" height="10" fill="${COLOURS[who]}"/>${text(x + 14, 37, who, 'start')}`;
  });
  const [width, height] = [LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH, y];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(LABEL_WIDTH, 18, 'Answers per second', 'start', 14),
    ...legend,
    ...parts,
    '</svg>',
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end', size = 12): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" text-anchor="${anchor}" fill="#222">${content}</text>`;
}
