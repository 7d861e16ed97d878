import type { Response } from 'express';

/** Remembers what a request came to, for metrics and logs: the code of the problem, `replayed`, or the state that it led to. */
export function noteOutcome(response: Response, outcome: string): void {
  response.locals['outcome'] = outcome;
}

export function outcomeOf(response: Response): string | undefined {
  return response.locals['outcome'] as string | undefined;
}
