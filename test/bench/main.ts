import { Logger } from '@nestjs/common';
import { readArguments, scenarioList, USAGE, UsageError } from './arguments.js';
import { runBenchmark } from './run.js';

/** `npm run bench`: 0 when all went well, 1 when a check failed, 2 for wrong usage, 128 + signal when it was interrupted. */
Logger.overrideLogger(['fatal', 'error', 'warn']);
const interruption = new AbortController();
const interrupt = (code: number) => () => {
  if (!interruption.signal.aborted) console.error('\nInterrupted: cleaning up');
  process.exitCode = code;
  interruption.abort(new Error('Interrupted'));
};
process.on('SIGINT', interrupt(130));
process.on('SIGTERM', interrupt(143));

try {
  const wanted = readArguments(process.argv.slice(2));
  if (wanted === 'help') console.log(USAGE);
  else if (wanted === 'list') console.log(scenarioList());
  else if (!(await runBenchmark(wanted, process.env['DATABASE_URL'], interruption.signal))) process.exitCode = 1;
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (!interruption.signal.aborted) {
    console.error(error);
    process.exitCode = 1;
  }
}
