import { defineProblem } from '../errors/domain-error.js';

export const CURSOR_EXPIRED = defineProblem({
  code: 'cursor-expired',
  kind: 'gone',
  title: 'The cursor is older than the changes that are kept',
  example: { detail: 'Changes after this cursor were purged. Read the present state, then follow from a new cursor.' },
});
export const DEAD_LETTER_NOT_FOUND = defineProblem({
  code: 'dead-letter-not-found',
  kind: 'not-found',
  title: 'There is no such dead letter',
  example: { detail: 'There is no dead letter 019a0000-0000-7000-8000-0000000000ff.' },
});
