import type { Response } from 'express';

/** Aborted when the connection ends before the whole answer was written: nobody waits for it any more. */
export function clientGone(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}
