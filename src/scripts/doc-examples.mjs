// `npm run docs:examples` puts the code of the files that the guides name into them; with `--check` it only says which differ.
// In a guide stands `<!-- file: path#region -->`, and after it a block of code. A region of a file lies between `// #region name`
// and `// #endregion`; without a region it is all of the file.
import { globSync, readFileSync, writeFileSync } from 'node:fs';

const EXAMPLE = /<!-- file: (\S+?)(?:#(\S+))? -->\n\n```(\w+)\n[^]*?```/g;

function regionOf(text, region, path) {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.trim() === `// #region ${region}`);
  if (start === -1) throw new Error(`${path} has no region ${region}`);
  const length = lines.slice(start).findIndex((line) => line.trim() === '// #endregion');
  const found = lines.slice(start + 1, start + length);
  const indent = Math.min(...found.filter((line) => line !== '').map((line) => line.search(/\S/)));
  return found.map((line) => line.slice(indent)).join('\n');
}

function codeOf(path, region) {
  const text = readFileSync(path, 'utf8');
  if (region) return regionOf(text, region, path);
  const code = text.split('\n').filter((line) => !/^\s*\/\/ #(end)?region/.test(line));
  return code.join('\n').trim();
}

const onlyChecks = process.argv.includes('--check');
let examples = 0;
for (const page of globSync('docs/extending{.md,/*.md}')) {
  const text = readFileSync(page, 'utf8');
  const current = text.replaceAll(EXAMPLE, (_, path, region, language) => {
    examples++;
    return `<!-- file: ${path}${region ? `#${region}` : ''} -->\n\n\`\`\`${language}\n${codeOf(path, region)}\n\`\`\``;
  });
  if (current === text) continue;
  if (onlyChecks) {
    console.error(`${page} shows code that is not that of its file: run \`npm run docs:examples\` and look at what it says.`);
    process.exitCode = 1;
  } else {
    writeFileSync(page, current);
  }
}
console.log(`${examples} examples`);
