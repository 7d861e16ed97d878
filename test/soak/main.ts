import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';
import { soak } from './soak.js';

const USAGE = `Usage: npm run test:soak -- [--minutes 60]

Two apps on a database of their own under an even load. Memory, file descriptors, connections and the size of the hot tables
must stay what they are after the first third; the history of each minute is checked.
`;
const MINUTES = { byDefault: 60, min: 1, max: 10_080 };

/** 0 when all stayed flat and right, 1 when not, 2 for wrong usage, 130 and 143 when interrupted. */
Logger.overrideLogger(['fatal', 'error', 'warn']);
const interruption = new AbortController();
const interrupt = (code: number) => () => {
  process.exitCode = code;
  interruption.abort();
};
process.on('SIGINT', interrupt(130));
process.on('SIGTERM', interrupt(143));

const minutes = minutesOf(process.argv.slice(2));
if (minutes === null) {
  console.error(USAGE);
  process.exitCode = 2;
} else if (!(await soak(minutes, interruption.signal))) {
  process.exitCode ??= 1;
}

function minutesOf(args: string[]): number | null {
  try {
    const { values } = parseArgs({ args, options: { minutes: { type: 'string' } } });
    const given = values.minutes === undefined ? MINUTES.byDefault : Number(values.minutes);
    return given >= MINUTES.min && given <= MINUTES.max ? given : null;
  } catch {
    return null;
  }
}
