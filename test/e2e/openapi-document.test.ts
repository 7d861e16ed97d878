import { readFileSync } from 'node:fs';
import type { OpenAPIObject } from '@nestjs/swagger';
import { allProblems } from '../../src/platform/errors/domain-error.js';
import { startApp, type TestApp } from '../support/app.js';
import { OF_NO_OPERATION, operationsOf } from '../support/conformance.js';

const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8')) as OpenAPIObject;
const operations = operationsOf(document);

describe('the OpenAPI document', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp();
  });
  afterAll(() => running.close());

  it('is served as it is committed', async () => {
    const response = await fetch(`${running.url}/openapi.json`);
    expect(await response.json()).toEqual(document);
  });

  it('has every route of the app, and no other', () => {
    const { router } = running.app.getHttpAdapter().getInstance() as {
      router: { stack: Array<{ route?: { path: string; methods: Record<string, boolean> } }> };
    };
    const routes = router.stack
      .flatMap(({ route }) => (route ? Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path}`) : []))
      .filter((route) => !/^GET \/(?:docs|openapi\.json)/.test(route));
    const documented = operations.map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`);
    expect(documented.toSorted()).toEqual(routes.toSorted());
  });

  it('names every problem code at an operation that can give it, with an example', () => {
    const codes = Object.values(document.paths).flatMap((item) =>
      Object.values(item as Record<string, any>).flatMap(({ responses }) =>
        Object.values(responses as Record<string, any>).flatMap(({ content }) =>
          Object.keys(content?.['application/problem+json']?.examples ?? {}),
        ),
      ),
    );
    const expected = allProblems().map(({ code }) => code);
    expect([...new Set(codes), ...OF_NO_OPERATION].toSorted()).toEqual(expected.toSorted());
  });

  it('has no key as example at two operations', () => {
    const keys = operations.flatMap(({ parameters }) =>
      parameters.filter(({ name }) => name === 'Idempotency-Key').map(({ schema }) => schema.example),
    );
    const given = keys.filter((example) => example !== undefined);
    expect(given.length).toBeGreaterThan(0);
    expect(new Set(given).size).toBe(given.length);
  });
});
