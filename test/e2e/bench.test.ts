import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readArguments, UsageError } from '../bench/arguments.js';
import { TestDatabase } from '../support/database.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** The script of package.json as a process that leads a group of its own, so that what it leaves behind can be seen. */
class BenchRun {
  printed = '';
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(args: string[], environment: Record<string, string>) {
    this.child = spawn('sh', ['-c', `${scripts['bench']} "$@"`, 'bench', ...args], {
      cwd: ROOT,
      detached: true,
      env: { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
    }
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  signal(signal: NodeJS.Signals, whom: 'process' | 'group'): void {
    process.kill(whom === 'group' ? -this.child.pid! : this.child.pid!, signal);
  }

  get hasLeftProcesses(): boolean {
    try {
      process.kill(-this.child.pid!, 0);
      return true;
    } catch {
      return false;
    }
  }

  /** For what a failed test has left. */
  kill(): void {
    if (this.hasLeftProcesses) this.signal('SIGKILL', 'group');
  }
}

describe('the benchmark', () => {
  let database: TestDatabase;
  let folder: string;
  let run: BenchRun | undefined;

  beforeAll(async () => (database = await TestDatabase.create()));
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-test-'))));
  afterEach(() => {
    run?.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(() => database.drop());

  const start = (args: string[], environment: Record<string, string> = {}) => (run = new BenchRun(args, environment));
  const serverFolders = () => readdirSync(folder).filter((name) => name.startsWith('holdfast-bench-'));
  const databasesLeft = () => database.sql(`select datname from pg_database where datname like 'holdfast\\_bench\\_%'`);

  it('measures the app and its floors on the given server, finds nothing wrong, writes the results and cleans up', async () => {
    const args = ['--scenarios', 'hot-2', '--seconds', '2', '--rounds', '1', '--output', folder];
    const bench = start(args, { DATABASE_URL: process.env['TEST_SERVER_URL']! });
    expect([await bench.ended, bench.printed]).toEqual([0, expect.stringContaining('| hot-2 |')]);
    const report = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as { scenarios: any[] };
    const [scenario, ...others] = report.scenarios;
    expect(others).toEqual([]);
    expect(scenario.complaints).toEqual([]);
    const measured = { perSecond: expect.any(Number), p99: expect.any(Number), errors: {} };
    expect([scenario.app, scenario.floors.textbook, scenario.floors.function, scenario.floors.trivial]).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining(measured)),
    );
    expect(Math.min(scenario.app.perSecond, ...Object.values<number>(scenario.ratios))).toBeGreaterThan(0);
    expect(readFileSync(join(folder, 'results.md'), 'utf8')).toContain('| hot-2 |');
    expect(readFileSync(join(folder, 'throughput.svg'), 'utf8')).toMatch(/^<svg [^]*<\/svg>\n$/);
    expect(await databasesLeft()).toEqual([]);
    expect(bench.hasLeftProcesses).toBe(false);
  });

  it.each([
    ['SIGINT', 'group', 130],
    ['SIGTERM', 'process', 143],
  ] as const)(
    'cleans up on %s to its %s',
    async (signal, whom, code) => {
      const bench = start(['--scenarios', 'hot-2', '--seconds', '1', '--rounds', '100'], { TMPDIR: folder });
      while (!bench.printed.includes('textbook: ')) await sleep(50);
      expect(serverFolders()).toHaveLength(1);
      bench.signal(signal, whom);
      expect([await bench.ended, bench.printed]).toEqual([code, expect.stringContaining('Interrupted')]);
      expect(bench.hasLeftProcesses).toBe(false);
      // The embedded server has stopped, or its folder could not have been removed.
      expect(serverFolders()).toEqual([]);
    },
    240_000,
  );

  it.each([
    [['--scenarios', 'hot-64,warm-64'], 'Unknown scenarios: warm-64'],
    [['--scenarios', 'hot-0'], 'Unknown scenarios: hot-0'],
    [['--series', 'orders,weather'], 'Unknown series: weather'],
    [['--seconds', '1.5'], '--seconds must be a whole number'],
    [['--rounds', '0'], '--rounds must be a whole number'],
    [['--fast'], "Unknown option '--fast'"],
    [['hot-64'], "Unexpected argument 'hot-64'"],
  ])('refuses %j', (args, message) => {
    expect(() => readArguments(args)).toThrow(UsageError);
    expect(() => readArguments(args)).toThrow(message);
  });

  it.each([
    [['--rounds', 'many'], '--rounds must be a whole number'],
    [['--output', '/dev/null/bench'], '--output /dev/null/bench: ENOTDIR'],
  ])('ends at once with %j, and says how it is used', async (args, message) => {
    const bench = start(args);
    expect(await bench.ended).toBe(2);
    expect(bench.printed).toContain(message);
    expect(bench.printed).toContain('Usage: npm run bench');
  });

  it('lists the scenarios', async () => {
    const bench = start(['--list']);
    expect(await bench.ended).toBe(0);
    expect(bench.printed).toMatch(/^hot-64 +bookings of one event$/m);
  });
});
