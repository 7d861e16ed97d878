import { defineProblem } from '../../../src/extension.js';

export const MEMBERS_ONLY = defineProblem({
  code: 'members-only',
  kind: 'conflict',
  title: 'The event is for members',
  example: { detail: 'ada@example.com is no member.' },
});
export const MEMBER_EXISTS = defineProblem({
  code: 'member-exists',
  kind: 'conflict',
  title: 'There is such a member already',
  example: { detail: 'ada@example.com is a member already.' },
});
