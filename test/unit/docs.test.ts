import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
// Registers every problem code.
import '../../src/app.module.js';
import { COUNTED_AS, ORDER_TRANSITIONS } from '../../src/modules/orders/index.js';
import { environmentReference } from '../../src/platform/config/environment.js';
import { allProblems } from '../../src/platform/errors/domain-error.js';
import { STATUS_OF_KIND } from '../../src/platform/errors/problem-status.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const pages = globSync('{*.md,docs/**/*.md}', { cwd: ROOT });

/** The cells of each row of every table in `text`, without those of heads and rules. */
function tableRows(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  return rows
    .filter((row, index) => !isRule(row) && !isRule(rows[index + 1] ?? ''))
    .map((row) => {
      const cells = row.split('|').slice(1, -1);
      return cells.map((cell) => cell.trim());
    });
}
const isRule = (row: string) => /^\|[\s|:-]+$/.test(row);

const section = (text: string, heading: string) => text.split(/^(?=#+ )/m).find((part) => part.startsWith(heading)) ?? '';

describe('the settings', () => {
  const expected = environmentReference.map(({ name, byDefault }) => [name, byDefault]);

  it('are all in .env.example, with their defaults', () => {
    const lines = read('.env.example').matchAll(/^#?([A-Z_]+)=(.*)$/gm);
    // The last two are read by docker-compose.yml and have no default on purpose.
    const ofCompose = [
      ['POSTGRES_PASSWORD', ''],
      ['METRICS_KEY', ''],
    ];
    expect([...lines].map(([, name, value]) => [name, value])).toEqual([...expected, ...ofCompose]);
  });

  it('are all in the table of the README, with their defaults', () => {
    const rows = tableRows(section(read('README.md'), '## Configuration'));
    expect(rows.map(([name, byDefault]) => [name!.replaceAll('`', ''), byDefault!.replaceAll('`', '')])).toEqual(expected);
  });
});

describe('the problem codes', () => {
  const entries = pages
    .filter((page) => page.startsWith('docs/errors/') && !page.endsWith('README.md'))
    .flatMap((page) =>
      [...read(page).matchAll(/^## (\S+)\n+\*\*(\d+)\.\*\*([^]*?)(?=^## |(?![^]))/gm)].map(([, code, status, text]) => {
        const example = /```json\n([^]*?)```/.exec(text!)?.[1] ?? '{}';
        return { page, code: code!, status: Number(status), members: Object.keys(JSON.parse(example) as object), text: text! };
      }),
    );

  it('each have one entry, with the status and an example with the members', () => {
    const expected = allProblems().map(({ code, kind, example }) => [code, STATUS_OF_KIND[kind], Object.keys(example)]);
    const found = entries.map(({ code, status, members }) => [code, status, members] as const);
    expect(found.toSorted(([a], [b]) => a.localeCompare(b))).toEqual(expected);
  });

  it('each say what to do', () => {
    expect(entries.filter(({ text }) => !text.includes('**What to do:**')).map(({ code }) => code)).toEqual([]);
  });

  it('stand in the list of pages where they are', () => {
    const listed = tableRows(read('docs/errors/README.md')).flatMap(([link, codes]) =>
      [...codes!.matchAll(/`([^`]+)`/g)].map(([, code]) => `docs/errors/${/\((.+)\)/.exec(link!)![1]} ${code}`),
    );
    expect(listed.toSorted()).toEqual(entries.map(({ page, code }) => `${page} ${code}`).toSorted());
  });
});

describe('the states of an order', () => {
  const page = read('docs/order-states.md');
  const expected = Object.entries(ORDER_TRANSITIONS).flatMap(([from, steps]) =>
    Object.entries(steps).map(([step, to]) => [from, step, to]),
  );

  it('are counted as the table says', () => {
    const rows = Object.entries(COUNTED_AS).map(([state, counter]) => [state, counter ?? 'available']);
    expect(tableRows(section(page, '# '))).toEqual(rows);
  });

  it('have the transitions of the table', () => {
    expect(tableRows(section(page, '## Transitions'))).toEqual(expected);
  });

  it('have the transitions of the diagram', () => {
    const arrows = [...page.matchAll(/^ {2}(\S+) --> (\S+): (.+)$/gm)].flatMap(([, from, to, steps]) =>
      steps!.split(', ').map((step) => [from!.replace('[*]', 'none'), step, to!]),
    );
    expect(arrows.map(String).toSorted()).toEqual(expected.map(String).toSorted());
  });
});

describe('the pages', () => {
  const links = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => ({ page, target: target! })),
  );
  const slugs = (page: string) =>
    [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );

  it('have no dead link', () => {
    const dead = links.filter(({ page, target }) => {
      if (/^https?:/.test(target)) return false;
      const [path, anchor] = target.split('#') as [string, string?];
      const file = path === '' ? page : join(dirname(page), path);
      return !existsSync(join(ROOT, file)) || (anchor !== undefined && !slugs(file).includes(anchor));
    });
    expect(dead.map(({ page, target }) => `${page}: ${target}`)).toEqual([]);
  });

  it('of decisions are all in their list', () => {
    const ofList = links.filter(({ page }) => page === 'docs/decisions/README.md');
    const listed = new Set(ofList.map(({ target }) => `docs/decisions/${target}`));
    const decisions = pages.filter((page) => page.startsWith('docs/decisions/') && !page.endsWith('/README.md'));
    expect(decisions.filter((page) => !listed.has(page))).toEqual([]);
  });

  it('name a test for every guarantee', () => {
    const guarantees = tableRows(section(read('README.md'), '## What it guarantees'));
    expect(guarantees.length).toBeGreaterThan(0);
    expect(guarantees.filter(([, , tests]) => !/\(test\/[\w/-]+\.test\.ts\)/.test(tests!))).toEqual([]);
  });

  it('name only scripts that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) => [...read(page).matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script!));
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });
});
