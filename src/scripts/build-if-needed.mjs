// Runs before `npm start` and the tests: builds when there is no build, or a source file is newer than it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';

const OUTPUT = 'dist/src/main.js';
const SOURCES = ['src', 'migrations', 'mikro-orm.config.ts', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(`${path}/${name}`)));
}

if (!existsSync(OUTPUT) || Math.max(...SOURCES.filter((path) => existsSync(path)).map(newest)) > statSync(OUTPUT).mtimeMs) {
  console.log('Building');
  process.exit(
    spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: process.platform === 'win32' }).status ?? 1,
  );
}
