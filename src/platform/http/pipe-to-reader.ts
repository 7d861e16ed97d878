import type { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Waits for a slow reader. One that goes away ends it, which is no failure. */
export async function pipeToReader(source: Readable, ...through: [...Transform[], Writable]): Promise<void> {
  try {
    await pipeline([source, ...through]);
  } catch (error) {
    if (!isReaderGone(error)) throw error;
  }
}

/** Node wraps it when a generator is in the middle of a page. */
function isReaderGone(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isReaderGone);
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
}
