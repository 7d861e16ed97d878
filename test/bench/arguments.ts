import { parseArgs } from 'node:util';
import { CONNECTIONS_MAX, DEFAULT_SCENARIOS, FAMILIES, familyOf } from './scenarios.js';
import { SERIES } from './series.js';

const SECONDS_DEFAULT = 8;
const SECONDS_MAX = 600;
const ROUNDS_DEFAULT = 2;

export const MEMORY = 'memory';
const SERIES_NAMES = [...Object.keys(SERIES), MEMORY];

export interface Arguments {
  scenarios: string[];
  /** Names of {@link SERIES}, and {@link MEMORY}. */
  series: string[];
  seconds: number;
  rounds: number;
  output: string;
}

export class UsageError extends Error {}

export const USAGE = `Usage: npm run bench -- [options]

  --scenarios a,b   what to measure; without it, all that --list names
  --series a,b      how cost grows: ${SERIES_NAMES.join(', ')}, or all of them: all
                    (without --scenarios, nothing else is measured then)
  --seconds n       length of each measurement (${SECONDS_DEFAULT})
  --rounds n        measurements of each contestant; medians are shown (${ROUNDS_DEFAULT})
  --output folder   where the results go (bench)
  --list            names the scenarios
  --help            shows this

A scenario is a family and a number of connections (1 to ${CONNECTIONS_MAX}): hot-64.
Without DATABASE_URL it runs on a PostgreSQL of its own; with it, on that server, in databases that it makes and drops.
`;

/** @returns `help` or `list` when that is all that is wanted; @throws UsageError */
export function readArguments(args: string[]): Arguments | 'help' | 'list' {
  const values = parse(args);
  if (values.help) return 'help';
  if (values.list) return 'list';
  return {
    scenarios: scenariosOf(values.scenarios, values.series === undefined ? DEFAULT_SCENARIOS : []),
    series: seriesOf(values.series),
    seconds: numberOf('--seconds', values.seconds, SECONDS_DEFAULT, SECONDS_MAX),
    rounds: numberOf('--rounds', values.rounds, ROUNDS_DEFAULT, 100),
    output: values.output ?? 'bench',
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    const options = { scenarios: text, series: text, seconds: text, rounds: text, output: text, list: flag, help: flag };
    return parseArgs({ args, options, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function scenariosOf(given: string | undefined, byDefault: string[]): string[] {
  const names = given?.split(',') ?? byDefault;
  const unknown = names.filter((name) => familyOf(name) === null);
  if (unknown.length === 0) return names;
  throw new UsageError(`Unknown scenarios: ${unknown.join(', ')}. The families are ${Object.keys(FAMILIES).join(', ')}.`);
}

function seriesOf(given: string | undefined): string[] {
  const names = given === 'all' ? SERIES_NAMES : (given?.split(',') ?? []);
  const unknown = names.filter((name) => !SERIES_NAMES.includes(name));
  if (unknown.length === 0) return names;
  throw new UsageError(`Unknown series: ${unknown.join(', ')}. There are ${SERIES_NAMES.join(', ')}.`);
}

function numberOf(name: string, given: string | undefined, byDefault: number, max: number): number {
  const value = given === undefined ? byDefault : Number(given);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError(`${name} must be a whole number from 1 to ${max}`);
}

/** What `--list` prints. */
export function scenarioList(): string {
  const lines = DEFAULT_SCENARIOS.map((name) => `${name.padEnd(20)} ${familyOf(name)!.family.title}`);
  return [...lines, `\nseries: ${SERIES_NAMES.join(', ')}`].join('\n');
}
