// `npm run new:module -- loyalty`: the schematic behind it. It writes a module from the templates in `files`, adds it to the list
// of modules and its page to the list of errors, and formats what it wrote.
import { apply, applyTemplates, chain, mergeWith, SchematicsException, url } from '@angular-devkit/schematics';
import { format, resolveConfig } from 'prettier';
import { namesOf } from './names.mjs';

const APP_MODULE = 'src/app.module.ts';
/** The list that each module on top is in. */
const LIST = /(MODULES_ON_TOP: ModulesOnTop = \[)([^\]]*)\]/;
const ERRORS = 'docs/errors/README.md';

export function newModule({ name }) {
  return (tree, context) => {
    const names = refusing(() => namesOf(name, tree.readText('src/extension.ts')));
    if (tree.getDir(`src/modules/${name}`).subfiles.length > 0) {
      throw new SchematicsException(`There is a module ${name} already: src/modules/${name}`);
    }
    const migration = `Migration${nextTimestamp(tree)}_add_${names.table}`;
    return chain([
      mergeWith(apply(url('./files'), [applyTemplates({ ...names, migration })])),
      addToTheApp(names),
      addToTheErrors(names),
      formatAll(),
      () => context.logger.info(`A module ${name}, on ${names.pluralWords}. Then: npm run openapi && npm run check`),
    ]);
  };
}

function refusing(work) {
  try {
    return work();
  } catch (error) {
    throw new SchematicsException(error.message);
  }
}

/** Now; or just after the newest migration, should its clock have been ahead. */
function nextTimestamp(tree) {
  const now = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const taken = tree.getDir('migrations').subfiles.map((file) => /^Migration(\d{14})_/.exec(file)?.[1] ?? '');
  const newest = taken.toSorted().at(-1) ?? '';
  return newest < now ? now : String(BigInt(newest) + 1n);
}

function addToTheApp({ name, Name }) {
  return (tree) => {
    const lines = tree.readText(APP_MODULE).split('\n');
    const isModule = (line) => /^import .* from '\.\/modules\//.test(line);
    const line = `import { ${Name}Module } from './modules/${name}/index.js';`;
    const pathOf = (text) => text.slice(text.indexOf("'"));
    const after = lines.findIndex((other) => isModule(other) && pathOf(other) > pathOf(line));
    lines.splice(after === -1 ? lines.findLastIndex(isModule) + 1 : after, 0, line);
    const text = lines.join('\n');
    const withModule = text.replace(LIST, (_, start, modules) => `${start}${modules.trim().replace(/,?$/, ',')} ${Name}Module]`);
    if (withModule === text) throw new SchematicsException(`There is no list MODULES_ON_TOP in ${APP_MODULE}`);
    tree.overwrite(APP_MODULE, withModule);
  };
}

function addToTheErrors({ name, PluralWords, singular }) {
  return (tree) => {
    const lines = tree.readText(ERRORS).split('\n');
    const last = lines.findLastIndex((line) => line.startsWith('|'));
    lines.splice(last + 1, 0, `| [${PluralWords}](${name}.md) | \`${singular}-not-found\` |`);
    tree.overwrite(ERRORS, lines.join('\n'));
  };
}

/** How long a line is depends on the name, so the templates cannot be formatted themselves. */
function formatAll() {
  return async (tree) => {
    const options = await resolveConfig('src/extension.ts');
    const paths = tree.actions.filter(({ kind }) => kind === 'c' || kind === 'o').map(({ path }) => path);
    for (const path of paths) tree.overwrite(path, await format(tree.readText(path), { ...options, filepath: path }));
  };
}
