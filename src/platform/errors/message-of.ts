/** What went wrong, in words. Node's error for an address with several numbers has its message in the errors that it holds. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  if (error instanceof AggregateError && error.errors.length > 0) return [...new Set(error.errors.map(messageOf))].join('; ');
  return (error as NodeJS.ErrnoException).code ?? error.name;
}

/** What was at the beginning of it: the server's own words, without the statement that MikroORM puts before them. */
export function rootMessageOf(error: unknown): string {
  let root = error;
  for (let depth = 0; depth < 10 && root instanceof Error && root.cause !== undefined; depth++) root = root.cause;
  return messageOf(root);
}
