/** Whether a pipeline ended because the reader went away, which is no failure. Node wraps this when a generator is in the middle of a page. */
export function isReaderGone(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isReaderGone);
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
}
