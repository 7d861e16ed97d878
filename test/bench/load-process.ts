import { runHttpLoad } from './http-load.js';
import type { Load, LoadMessage, LoadResult } from './loads.js';
import { runOnSaleLoad } from './on-sale-load.js';
import { Recorder } from './recorder.js';
import { runSqlLoad } from './sql-load.js';
import { runSteadyLoad } from './steady-load.js';

/** A load runs in a process of its own, which ends with it or with its parent. */
const say = (message: LoadMessage) => process.send!(message);

// Ctrl-C goes to the whole group of processes; the parent decides what becomes of this one.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit(1));
process.once('message', (load: Load) => {
  run(load, new Recorder(say))
    .then((result) => say({ type: 'result', result }))
    .catch((error: Error) => say({ type: 'failed', message: error.stack ?? error.message }));
});

function run(load: Load, recorder: Recorder): Promise<LoadResult> {
  switch (load.kind) {
    case 'http':
      return runHttpLoad(load, recorder);
    case 'steady':
      return runSteadyLoad(load, recorder);
    case 'on-sale':
      return runOnSaleLoad(load, recorder);
    case 'textbook':
    case 'function':
      return runSqlLoad(load, recorder);
  }
}
