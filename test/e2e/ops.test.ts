import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { OpenAPIObject } from '@nestjs/swagger';
import { parse } from 'yaml';
import { allProblems } from '../../src/platform/errors/domain-error.js';
import { startApp, type TestApp } from '../support/app.js';
import { insertDeadLetter } from '../support/dead-letters.js';
import { eventOnSale } from '../support/factories.js';
import { Scrape } from '../support/metrics.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const PROMTOOL = process.env['PATH']!.split(delimiter)
  .map((folder) => join(folder, 'promtool'))
  .find((path) => existsSync(path));

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}

interface Panel {
  id: number;
  title: string;
  type: string;
  targets?: Array<{ expr: string; legendFormat: string }>;
  gridPos: { x: number; y: number; w: number; h: number };
}

const { groups } = parse(read('docs/ops/alerts.yml')) as { groups: Array<{ rules: Rule[] }> };
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('docs/ops/grafana-dashboard.json')) as { panels: Panel[] };
const charts = dashboard.panels.filter(({ type }) => type !== 'row');
const expressions = [
  ...rules.map(({ alert, expr }) => ({ of: alert, expr })),
  ...charts.flatMap(({ title, targets }) => targets!.map(({ expr }) => ({ of: title, expr }))),
];

/** Names of metrics, with the labels that they are selected by. */
function selectors(expr: string): Array<{ metric: string; matchers: Array<{ label: string; value: string; exact: boolean }> }> {
  return [...expr.matchAll(/\b((?:holdfast|nodejs|process)_\w+|up)(?:\{([^}]*)\})?/g)].map(([, metric, inside = '']) => ({
    metric: metric!,
    matchers: [...inside.matchAll(/(\w+)(=~|!=|!~|=)"([^"]*)"/g)].map(([, label, operator, value]) => ({
      label: label!,
      value: value!,
      exact: operator === '=' || operator === '!=',
    })),
  }));
}

const groupedBy = (text: string) =>
  [...text.matchAll(/\bby \(([^)]*)\)|\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].flatMap(
    ([, list, one]) => list?.split(/, ?/) ?? [one!],
  );

/** Prometheus itself makes these. */
const BY_PROMETHEUS = new Set(['up', 'instance', 'job', 'le']);

describe('the dashboard and the alerts', () => {
  let running: TestApp;
  let scrape: Scrape;
  let routes: Set<string>;

  beforeAll(async () => {
    running = await startApp();
    const { eventId, ticketTypeId } = await eventOnSale(running.api, [1]);
    await running.api.book(eventId, { [ticketTypeId]: 1 });
    await running.api.book(eventId, { [ticketTypeId]: 1 });
    // A fact that nobody could take, and a consumer that is behind.
    await insertDeadLetter(running.database);
    await running.database.sql(`insert into domain_event_cursors values ('behind', '3', 0, now())`);
    scrape = await Scrape.of(running);
    const { paths } = (await running.api.get<OpenAPIObject>('/openapi.json')).body;
    routes = new Set(Object.keys(paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1')));
  });
  afterAll(() => running.close());

  const labelsOf = (metric: string) =>
    new Set(scrape.samples.filter(({ name }) => name === metric).flatMap(({ labels }) => Object.keys(labels)));

  it('name only metrics that the app has', () => {
    const named = expressions.flatMap(({ of, expr }) => selectors(expr).map(({ metric }) => ({ of, metric })));
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(({ metric }) => !BY_PROMETHEUS.has(metric) && !scrape.names.has(metric))).toEqual([]);
    expect(expressions.filter(({ expr }) => selectors(expr).length === 0)).toEqual([]);
  });

  it('show or watch each metric that the app has', () => {
    const used = new Set(expressions.flatMap(({ expr }) => selectors(expr).map(({ metric }) => metric)));
    const suffixes: Record<string, string[]> = { histogram: ['_bucket', '_count', '_sum'] };
    const unused = [...scrape.types]
      .filter(([name]) => name.startsWith('holdfast_'))
      .filter(([name, type]) => !(suffixes[type] ?? ['']).some((suffix) => used.has(name + suffix)));
    expect(unused).toEqual([]);
  });

  it('watch no other program that has metrics of these names', () => {
    const foreign = rules.flatMap(({ alert, expr }) =>
      selectors(expr)
        .filter(({ metric, matchers }) => !metric.startsWith('holdfast_') && !matchers.some(({ label }) => label === 'job'))
        .map(({ metric }) => `${alert}: ${metric}`),
    );
    expect(foreign).toEqual([]);
  });

  it('select by labels that these metrics have, and by values that there can be', () => {
    const wrong = expressions.flatMap(({ of, expr }) =>
      selectors(expr).flatMap(({ metric, matchers }) =>
        matchers
          .filter(({ label }) => !BY_PROMETHEUS.has(label))
          .filter(({ label, value, exact }) => !labelsOf(metric).has(label) || (exact && !isPossible(metric, label, value)))
          .map(({ label, value }) => `${of}: ${metric}{${label}="${value}"}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  function isPossible(metric: string, label: string, value: string): boolean {
    if (label === 'code') return allProblems().some(({ code }) => code === value);
    if (label === 'route') return routes.has(value);
    return scrape.value(metric, { [label]: value }) !== undefined;
  }

  it('group by, and show, labels that these metrics have', () => {
    const texts = [
      ...rules.map(({ alert, expr, annotations }) => ({ of: alert, expr, text: `${expr} ${annotations.description}` })),
      ...charts.flatMap(({ title, targets }) =>
        targets!.map(({ expr, legendFormat }) => ({ of: title, expr, text: `${expr} ${legendFormat}` })),
      ),
    ];
    const wrong = texts.flatMap(({ of, expr, text }) => {
      const known = new Set(selectors(expr).flatMap(({ metric }) => [...labelsOf(metric)]));
      return groupedBy(text)
        .filter((label) => !known.has(label) && !BY_PROMETHEUS.has(label))
        .map((label) => `${of}: ${label}`);
    });
    expect(wrong).toEqual([]);
  });

  it('have panels that do not cover each other', () => {
    const cells = dashboard.panels.flatMap(({ title, gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => ({ title, cell: `${x + (cell % w)} ${y + Math.floor(cell / w)}` })),
    );
    const taken = Map.groupBy(cells, ({ cell }) => cell);
    expect([...taken.values()].filter((here) => here.length > 1).map((here) => here.map(({ title }) => title))).toEqual([]);
    expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it('are explained: each metric, and what to do about each alert', () => {
    const page = read('docs/observability.md');
    const [, table] = /\n(\| metric [^]*?)\n\n/.exec(page)!;
    const explained = [...table!.matchAll(/`(holdfast_\w+)`/g)].map(([, name]) => name!).filter((name) => scrape.types.has(name));
    const rows = table!.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
    const ours = [...scrape.types].filter(([name]) => name.startsWith('holdfast_'));
    expect(new Set(explained)).toEqual(new Set(ours.map(([name]) => name)));
    for (const [name, type] of ours) {
      const row = rows.find(([, names]) => names!.includes(`\`${name}\``))!;
      const labels = new Set([name, `${name}_bucket`].flatMap((sample) => [...labelsOf(sample)]));
      labels.delete('le');
      const documented = [...row[3]!.matchAll(/`(\w+)`/g)].map(([, label]) => label!);
      expect([name, row[2], documented.toSorted()]).toEqual([name, type, [...labels].toSorted()]);
    }
    const headings = [...page.matchAll(/^### (\w+)$/gm)].map(([, alert]) => alert);
    expect(headings).toEqual(rules.map(({ alert }) => alert));
  });

  it('have a severity and a summary each', () => {
    const bare = rules.filter(({ labels, annotations }) => !/^(page|warn)$/.test(labels.severity) || !annotations.summary);
    expect(bare).toEqual([]);
  });

  // A sample every quarter of a minute, of requests that were refused: for 25 minutes, then the outage, then to the end.
  it.each([
    ['a minute and a half', '5x100 stale _x5 8x200'],
    ['five minutes', '5x100 stale _x19 8x200'],
    ['five minutes, the first one of the process', '_x121 3x200'],
  ])('tell of an outage of the database in which nothing could be scraped: %s', async (_, values) => {
    if (PROMTOOL === undefined) return;
    const firing = (time: string, exp_samples: object[]) => ({
      expr: 'count(ALERTS{alertname="HoldfastDatabaseUnavailable",alertstate="firing"})',
      eval_time: time,
      exp_samples,
    });
    const series = 'holdfast_http_problems_total{code="database-unavailable",instance="a",route="/v1/events"}';
    const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
    const file = join(folder, 'test.yml');
    const test = {
      interval: '15s',
      input_series: [{ series, values }],
      promql_expr_test: [firing('25m', []), firing('31m', [{ labels: '{}', value: 1 }]), firing('60m', [])],
    };
    writeFileSync(
      file,
      JSON.stringify({ rule_files: [join(ROOT, 'docs/ops/alerts.yml')], evaluation_interval: '15s', tests: [test] }),
    );
    const { stdout } = await promisify(execFile)(PROMTOOL, ['test', 'rules', file]);
    expect(stdout).toContain('SUCCESS');
    rmSync(folder, { recursive: true });
  });

  it('are good for promtool, where there is one', async () => {
    if (PROMTOOL === undefined) return;
    const { stdout } = await promisify(execFile)(PROMTOOL, ['check', 'rules', join(ROOT, 'docs/ops/alerts.yml')]);
    expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
  });

  it('fire when they should, and not otherwise, where there is a promtool', async () => {
    if (PROMTOOL === undefined) return;
    // It fails with what was expected and what there was instead.
    await promisify(execFile)(PROMTOOL, ['test', 'rules', join(ROOT, 'test/support/alert-cases.yml')]);
  });
});
