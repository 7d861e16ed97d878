import fc from 'fast-check';
import { startApp, type TestApp } from '../support/app.js';
import { HOLD_MAX_SECONDS, operation } from '../support/model-operations.js';
import { ModelRun } from '../support/model-run.js';

const RUNS = 200;
const OPERATIONS = 30;
const SERIES = 4;

describe('random operations', () => {
  let running: TestApp;

  beforeAll(async () => {
    running = await startApp({ HOLD_MAX_SECONDS: `${HOLD_MAX_SECONDS}` });
  });
  afterAll(() => running.close());

  it(`${RUNS} runs of ${OPERATIONS} agree with the model: answer by answer, and every order and count at the end`, async () => {
    const steps = fc.array(operation, { minLength: OPERATIONS, maxLength: OPERATIONS });
    const agrees = fc.asyncProperty(steps, async (operations) => {
      const run = await ModelRun.start(running);
      for (const step of operations) await run.perform(step);
      await run.compareAll();
    });
    // Side by side, each run on an event of its own: only for the time that it takes.
    const series = () => fc.assert(agrees, { numRuns: RUNS / SERIES, endOnFailure: true });
    await Promise.all(Array.from({ length: SERIES }, series));
    expect(await running.database.brokenInvariants()).toEqual([]);
  }, 300_000);
});
