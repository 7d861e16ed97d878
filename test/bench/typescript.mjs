// For `node --import`: runs the TypeScript of test/ (decorators included, which Node's own type stripping refuses), and takes
// what it imports from src/ out of the build, so that the benchmark measures the very code that production runs.
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

const ROOT = new URL('../../', import.meta.url).href;
const BUILT = /^(src|migrations)\/|^mikro-orm\.config\.js$/;

registerHooks({
  resolve(specifier, context, next) {
    const wanted = specifier.startsWith('.') ? new URL(specifier, context.parentURL).href : '';
    if (!wanted.startsWith(ROOT) || wanted.startsWith(`${ROOT}node_modules/`)) return next(specifier, context);
    const path = wanted.slice(ROOT.length);
    if (BUILT.test(path)) return next(`${ROOT}dist/${path}`, context);
    const source = wanted.replace(/\.js$/, '.ts');
    return next(existsSync(fileURLToPath(source)) ? source : specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith(ROOT) || !url.endsWith('.ts')) return next(url, context);
    const filename = fileURLToPath(url);
    const { code } = transformSync(readFileSync(filename, 'utf8'), {
      filename,
      sourceMaps: 'inline',
      jsc: {
        target: 'es2024',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
      },
    });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
