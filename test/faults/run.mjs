// `npm run test:faults [-- --long] [file ...]`: the tests of test/faults, in the short form of `npm test` or in the long one.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const given = process.argv.slice(2);
const isLong = given.includes('--long');
const patterns = given.filter((argument) => argument !== '--long');
// In the long form the tests measure, so none has a neighbour.
const options = isLong ? ['--runInBand'] : [];
const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));

const child = spawn(process.execPath, [jest, ...options, ...(patterns.length > 0 ? patterns : ['test/faults'])], {
  stdio: 'inherit',
  env: {
    ...process.env,
    NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
    FAULTS: isLong ? 'long' : 'short',
  },
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
