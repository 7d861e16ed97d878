import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LEFT_OUT = new Set(['node_modules', 'dist', '.data', '.git', 'coverage', 'generated'].map((name) => sep + name));
const run = promisify(execFile);

/** A copy of the repository, in which a module is made. */
let copy: string;

/** @returns what was printed @throws Error with what was printed, when it fails */
async function inCopy(command: string, ...args: string[]): Promise<string> {
  const { NODE_OPTIONS: _options, TEST_DATABASE_URL: _url, ...env } = process.env;
  env['PATH'] = `${join(ROOT, 'node_modules/.bin')}:${env['PATH']}`;
  try {
    const { stdout, stderr } = await run(command, args, { cwd: copy, env, maxBuffer: 2 ** 26 });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

const newModule = (...name: string[]) => inCopy('npm', 'run', '--silent', 'new:module', '--', ...name);
const read = (path: string) => readFileSync(join(copy, path), 'utf8');

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'holdfast-new-module-'));
  const isTaken = (path: string) => !LEFT_OUT.has(path.slice(path.lastIndexOf(sep))) && path !== join(ROOT, 'bench');
  cpSync(ROOT, copy, { recursive: true, filter: (path) => path === ROOT || isTaken(path) });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

describe('npm run new:module', () => {
  it.each([
    [[], 'is no name of a module'],
    [['Loyalty'], 'is no name of a module'],
    [['../loyalty'], 'is no name of a module'],
    [['a'.repeat(31)], 'is no name of a module'],
    [['vouchers'], 'There is a module vouchers already'],
    [['orders'], 'Holdfast has its own'],
    [['maps'], 'its entity would be Map'],
    [['scopes'], 'its entity would be Scope'],
  ])('%j: %s', async (name, why) => {
    const before = read('src/app.module.ts');
    await expect(newModule(...name)).rejects.toThrow(why);
    expect(read('src/app.module.ts')).toBe(before);
  });

  it('writes two modules, and adds each to the list of the app', async () => {
    const before = read('src/app.module.ts').split('\n');
    for (const name of ['loyalty', 'gift-cards']) expect(await newModule(name)).toContain('npm run openapi && npm run check');
    const added = read('src/app.module.ts')
      .split('\n')
      .filter((line) => !before.includes(line));
    expect(added.map((line) => line.trim())).toEqual([
      `import { GiftCardsModule } from './modules/gift-cards/index.js';`,
      `import { LoyaltyModule } from './modules/loyalty/index.js';`,
      expect.stringMatching(/^export const MODULES_ON_TOP: .*, LoyaltyModule, GiftCardsModule\];$/),
    ]);
    await expect(newModule('loyalty')).rejects.toThrow('There is a module loyalty already');
  });

  it('which are formatted, linted, typed and within the boundaries', async () => {
    const written = ['src/modules/loyalty', 'src/modules/gift-cards', 'src/app.module.ts', 'migrations', 'docs/errors'];
    const tests = ['test/e2e/loyalty.test.ts', 'test/e2e/gift-cards.test.ts', 'test/support/modules'];
    await inCopy('prettier', '--check', ...written, ...tests);
    await inCopy('oxlint', '--type-aware', '--deny-warnings', ...written, ...tests);
    await inCopy('tsc', '--noEmit');
    await inCopy('npm', 'run', '--silent', 'boundaries');
  }, 180_000);

  it('whose boundaries are known', async () => {
    const service = 'src/modules/loyalty/loyalty.service.ts';
    await inCopy('sed', '-i', `1i import '../../platform/database/pg-client.js';`, service);
    await expect(inCopy('npm', 'run', '--silent', 'boundaries')).rejects.toThrow(
      `modules-on-top-use-the-extension-contract: ${service} → src/platform/database/pg-client.ts`,
    );
    await inCopy('sed', '-i', '1d', service);
  }, 60_000);

  it('which are built, documented and pass their own tests and those of the documents', async () => {
    await inCopy('npm', 'run', '--silent', 'openapi');
    await inCopy('npm', 'run', '--silent', 'openapi:check');
    const printed = await inCopy('npm', 'test', '--', 'test/e2e/loyalty', 'test/e2e/gift-cards', 'test/unit/docs');
    expect(printed).toContain('Test Suites: 3 passed, 3 total');
  }, 300_000);
});
