import type { Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { RecurringJob } from '../../src/platform/jobs/recurring-job.js';
import type { TestApp } from './app.js';

type Running = Pick<TestApp, 'app'>;

/** From now on these jobs do not run by themselves in the app, in the middle of a test; `runOnce` still runs them. */
export async function stopJobs({ app }: Running, ...jobs: Array<Type<RecurringJob>>): Promise<void> {
  for (const job of jobs) await app.get(job, { strict: false }).beforeApplicationShutdown();
}

/** All that run in the app, of whichever module. */
export function recurringJobsOf({ app }: Running): RecurringJob[] {
  const providers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.providers.values()]);
  return providers.map(({ instance }) => instance).filter((instance) => instance instanceof RecurringJob);
}
